"""Full training state in one file: weights, optimizer, random streams, history; and weights alone in another.

Written whole or not at all.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

import keras
import numpy as np

from kseg.atomic import replacing
from kseg.errors import Failure
from kseg.npz import read_npz
from kseg.reading import DAMAGE, cannot_read, parse_json

STATE = "state.json"

RENAMED_GROUPS = {"optimiser": "optimizer"}
"""Old name of a group of variables → new; checkpoints of the version before this one have the old."""


class State(TypedDict):
    """The state of the callbacks: the journal's entries so far."""

    entries: list[dict[str, int | float | None]]


def save_checkpoint(path: Path, model: keras.Model, trained: keras.Model, state: dict[str, Any]) -> None:
    """Write everything that the next step depends on.

    Args:
      model: the whole network; its weights are saved, frozen ones included.
      trained: the compiled model that `fit` runs (the network, or its part behind cached features); its optimizer and
        random streams are saved.
      state: JSON, e.g. the epoch and the history, from which callbacks derive all they need.
    """
    arrays = {name: keras.ops.convert_to_numpy(variable) for name, variable in _variables(model, trained)}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, allow_pickle=False, **{STATE: np.array(json.dumps(state))}, **arrays)  # type: ignore[arg-type]


def load_checkpoint(path: Path, model: keras.Model, trained: keras.Model) -> State:
    """Restore what `save_checkpoint` wrote and return its state.

    Raises:
      Failure: the file is broken or belongs to another network; the model is unchanged.
    """
    arrays = _read(path)
    try:
        state: State = parse_json(str(arrays.pop(STATE)), State, nan=True)
        if not all("epoch" in entry for entry in state["entries"]):
            raise ValueError("an entry names no epoch")
    except (KeyError, ValueError) as error:
        raise Failure(
            f"checkpoint {path} holds no {STATE} ({error}); remove {path.parent} to start this run from the beginning"
        ) from None
    _assign(dict(_variables(model, trained)), _renamed(arrays), path)
    return state


def save_weights(path: Path, model: keras.Model) -> None:
    """Write the weights alone, keys LAYER/PLACE, as `--weights` reads them.

    Not Keras' .weights.h5: on a full disk HDF5 ends the process with a segmentation fault as it closes the file.
    """
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **{name: keras.ops.convert_to_numpy(variable) for name, variable in _weights(model).items()})


def load_weights(path: Path, model: keras.Model) -> None:
    """Restore what `save_weights` wrote. Raises: as `load_checkpoint`."""
    _assign(_weights(model), _read(path), path)


def layer_weights(path: Path) -> dict[str, list[np.ndarray]]:
    """The weights that `save_weights` wrote, by layer. Raises: as `load_checkpoint`."""
    layers: dict[str, list[np.ndarray]] = {}
    for name, array in _read(path).items():  # in the order of the layers and their weights
        layers.setdefault(name.rpartition("/")[0], []).append(array)
    return layers


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        return read_npz(path)
    except FileNotFoundError:
        raise Failure(f"checkpoint {path} is gone; remove {path.parent} to start this run from the beginning") from None
    except PermissionError as error:
        raise cannot_read(path, error) from None
    except DAMAGE as error:
        raise Failure(
            f"checkpoint {path} is broken ({error}); remove {path.parent} to start this run from the beginning"
        ) from None


def _renamed(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of GROUP/PLACE, with the groups by their present names."""
    parts = {name: name.partition("/") for name in arrays}
    return {f"{RENAMED_GROUPS.get(group, group)}/{place}": arrays[name] for name, (group, _, place) in parts.items()}


def _assign(variables: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Assign all arrays to the variables, or raise Failure before the first where names or shapes differ."""
    shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
    numbers = all(array.dtype.kind in "biufV" for array in arrays.values())  # V: bfloat16
    if {name: array.shape for name, array in arrays.items()} != shapes or not numbers:
        raise Failure(
            f"checkpoint {path} belongs to another network or optimizer; remove {path.parent} to start this run from "
            "the beginning"
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])


def _weights(model: keras.Model) -> dict[str, Any]:
    return {f"{layer.name}/{place}": weight for layer in model.layers for place, weight in enumerate(layer.weights)}


def _variables(model: keras.Model, trained: keras.Model) -> Iterator[tuple[str, Any]]:
    """Every variable under a name that stays the same from one process to the next."""
    optimizer = trained.optimizer
    assert optimizer is not None
    saved_with_weights = {id(variable) for variable in trained.non_trainable_weights}
    random_streams = [v for v in trained.non_trainable_variables if id(v) not in saved_with_weights]
    groups = {"weights": model.weights, "random": random_streams, "optimizer": optimizer.variables}
    for group, variables in groups.items():
        for position, variable in enumerate(variables):
            yield f"{group}/{position:04d}", variable
