"""Export a model, reload what was written, compare it with the original, and only then give it its name."""

import contextlib
import dataclasses
import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from kseg.atomic import replacing, write_json
from kseg.errors import Failure, KsegError, UsageError
from kseg.export.comparison import USUAL_SIZE, Size, check_shapes, compared
from kseg.export.formats import PROBABILITIES, Format, FormatName, format_named
from kseg.inference.model_file import MODEL_OF_A_RUN
from kseg.inference.predict import ORIGINAL, network_size
from kseg.tasks import TASKS

if TYPE_CHECKING:
    from kseg.export.serving import NetworkSize
    from kseg.inference import ModelCard

CARD = "card.json"


@dataclass(frozen=True)
class ExportReport:
    """A finished export and its agreement with the Keras model."""

    path: Path
    format: str
    bytes: int
    """of the export, without its card"""
    max_difference: float
    """largest absolute difference of a probability from the Keras model's, over random images"""
    note: str
    """what the export takes, in a sentence or two"""

    def __str__(self) -> str:
        return (
            f"{self.path} ({self.format}, {self.bytes / 1e6:.1f} MB): largest difference from the Keras model "
            f"{self.max_difference:.1e}. {self.note}"
        )


def export_model(
    model: keras.Model,
    card: "ModelCard",
    path: str | Path,
    format: FormatName = "saved_model",  # noqa: A002 - the flag's name
    *,
    overwrite: bool = False,
    image_size: tuple[int, int] | None = None,
    any_size: bool = False,
) -> ExportReport:
    """Writes `model` to `path` so that it runs without kseg, and checks what was written.

    The export takes raw uint8 RGB images (N, H, W, 3) named `images`, of any size, and returns float32 `probabilities`
    (N, H, W, C) of that size. It resizes them to what the network is fed, and back, as `kseg predict` does and with the
    same masks; a network that gives answers by name gives them in pixels of the image (`Task.served`). LiteRT takes one
    image at a time. The export computes in float32, whatever precision the model was trained in. Classes, palette,
    sizes and range go into `card.json` inside a SavedModel's folder, `NAME.card.json`
    beside a file `NAME`, and into the metadata of an ONNX file.

    Args:
      model: of one image input, giving probabilities, as `kseg.inference.load_model` returns it.
      card: its classes, palette and image size.
      path: where to write the export; a folder for a SavedModel, `*.onnx`, `*.tflite`.
      format: saved_model, onnx or litert.
      overwrite: replace an earlier export.
      image_size: height and width that the network is fed, instead of `card.image_size`.
      any_size: the bare network, in which nothing is resized. SavedModel and ONNX take any H and W that it takes,
        LiteRT those of `image_size`; results are best near the size it was trained at.
    Raises:
      UsageError: unknown format, a name that is taken or misleading, a backend other than TensorFlow, a missing
        package, a size that the model does not take.
      Failure: it could not be converted or written, or differs by more than rounding explains; nothing is left behind.
    """
    # 1. what can be refused beforehand
    path, kind = Path(path), format_named(format)
    kind.check_name(path)
    _check_free(path, kind, overwrite)
    _check_backend()
    implementation = kind.implementation()
    from kseg.export.serving import in_float32, serving_function, spatial_size

    built_for = spatial_size(model)
    fed = network_size(model, image_size or card.image_size)  # refuses a size the model does not take
    as_they_are = any_size or (card.input_size == ORIGINAL and image_size is None and None in built_for)
    inside: NetworkSize = None if as_they_are else fed or "multiple"
    size = _taken_sizes(built_for, fed, kind, inside)

    # 2. convert, reload, compare
    model, task = in_float32(model), TASKS[card.task]
    serve = serving_function(model, None if kind.batches else 1, size, inside, task)
    facts = _facts(card, serve.get_concrete_function().structured_outputs, size, inside, kind)
    with replacing(path) as draft:
        with _conversion(kind), _full_precision():
            implementation.write(serve, draft, {name: _as_text(value) for name, value in facts.items()})
            shapes = check_shapes(size, fed or (USUAL_SIZE, USUAL_SIZE), batches=kind.batches)
            difference, tolerance = compared(model, implementation.load(draft), shapes, inside, task)
        if not difference <= tolerance:  # also when it is nan
            raise Failure(
                f"the {kind.title} export differs from the Keras model by {difference:.2g}, where rounding explains "
                f"{tolerance:.2g}, so it was not kept; try another --format"
            )
        note = describe(kind, size, inside, implementation, draft, model)
        written = _bytes_of(draft)
        card_file = draft / CARD if draft.is_dir() else card_path(path)
        write_json(card_file, facts | {"note": note, "largest_difference_from_keras": difference})
        earlier = _move_aside(path)
    shutil.rmtree(earlier, ignore_errors=True)
    return ExportReport(path, format, written, difference, note)


def default_path(model_path: Path, format: str) -> Path:  # noqa: A002
    """The path of an export for which none is given: beside the model file (`RUN/model.onnx`)."""
    file = model_path / MODEL_OF_A_RUN if model_path.is_dir() else model_path
    return file.with_name(format_named(format).default_name.format(stem=file.stem))


def _taken_sizes(built_for: Size, fed: tuple[int, int] | None, kind: Format, inside: "NetworkSize") -> Size:
    """The height and width of the images that the export takes, None for any."""
    if inside is not None and (kind.batches or inside != "multiple"):
        return None, None
    if kind.batches:
        return built_for
    if fed is None:
        raise UsageError(f"{kind.title} feeds the network one size and the model takes any; pass --image-size H W")
    return fed


def describe(kind: Format, size: Size, inside: "NetworkSize", implementation, draft: Path, model: keras.Model) -> str:
    """Inputs and outputs of the export, in sentences for its user."""
    height, width = ("any" if side is None else side for side in size)
    sizes = "any height and width" if size == (None, None) else f"{height} × {width} pixels (height × width)"
    images = "images" if kind.batches else "images, one at a time,"
    by_name = isinstance(model.output, dict)
    gives = f"{', '.join(model.output)}, in its pixels" if by_name else "float32 probabilities of that size"
    note = f"Takes raw uint8 RGB {images} of {sizes}; gives {gives}. {_resizing(inside)}."
    foreign = implementation.foreign_operations(draft) if hasattr(implementation, "foreign_operations") else []
    return note + (f" Needs a LiteRT with TensorFlow's select ops for {', '.join(foreign)}." if foreign else "")


def card_path(path: Path) -> Path:
    """The card of a finished export lies inside a SavedModel's folder, or beside a file."""
    return path / CARD if path.is_dir() else path.with_name(f"{path.name}.{CARD}")


def _resizing(inside: "NetworkSize") -> str:
    if inside is None:
        return "Nothing is resized inside"
    size = "multiples of 32 pixels" if inside == "multiple" else f"{inside[0]} × {inside[1]}"
    return f"Inside they are resized to {size} and back"


def _facts(card: "ModelCard", outputs: Mapping[str, Any], size: Size, inside: "NetworkSize", kind: Format) -> dict:
    """The card: all that a program needs to use the export."""
    output, decision = _meaning(card, outputs)
    return dataclasses.asdict(card) | {
        "input": "images: uint8 (N, H, W, 3), RGB, 0..255",
        "input_height_width": ["any" if side is None else side for side in size],
        "input_range": [0, 255],
        "preprocessing": f"none: the network's own is inside. {_resizing(inside)}",
        "network_height_width": list(inside) if isinstance(inside, tuple) else inside or "as the image",
        "output": output,
        "decision": decision,
        "format": kind.title,
    }


def _meaning(card: "ModelCard", outputs: Mapping[str, Any]) -> tuple[str, str]:
    """The outputs of an export in words, and how to decide from them."""
    if PROBABILITIES not in outputs:
        given = "; ".join(
            f"{name}: ({', '.join(['N', *('any' if side is None else str(side) for side in output.shape[1:])])})"
            for name, output in outputs.items()
        )
        return given, TASKS[card.task].decision
    channels = outputs[PROBABILITIES].shape[-1]
    meaning = f"probability of {card.classes[1]}" if channels == 1 else "a probability for each class, in order of id"
    decision = "foreground where the probability is at least 0.5" if channels <= 2 else "the most probable class"
    return f"probabilities: float32 (N, H, W, {channels}), {meaning}", decision


def _as_text(value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@contextlib.contextmanager
def _full_precision() -> Iterator[None]:
    """Turns off TensorFloat-32, in which GPUs round factors to 10 bits, too coarse for the comparison."""
    import tensorflow as tf

    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


@contextlib.contextmanager
def _conversion(kind: Format) -> Iterator[None]:
    """Turns whatever converters and runtimes raise into one sentence."""
    try:
        yield
    except (KsegError, OSError):
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if (full := os.strerror(errno.ENOSPC)) in reason:  # TensorFlow has no OSError
            raise OSError(errno.ENOSPC, full) from error
        raise Failure(f"the model cannot be converted to {kind.title}: {reason}; try another --format") from error


def _check_backend() -> None:
    if (backend := keras.backend.backend()) != "tensorflow":
        raise UsageError(
            f"export converts TensorFlow graphs, but the backend is {backend}; a .keras file is the same for all "
            "backends, so run it again with KERAS_BACKEND=tensorflow"
        )


def _check_free(path: Path, kind: Format, overwrite: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise UsageError(f"{path} exists; pass --overwrite to replace it, or another --out")
    is_export = path.is_file() if kind.suffix else path.is_dir() and (path / "saved_model.pb").exists()
    if not is_export:  # --overwrite must never cost somebody a folder of other things
        raise UsageError(f"{path} is no {kind.title} export, so it will not be overwritten; pass another --out")


def _move_aside(path: Path) -> Path:
    """Makes room for a folder, which a rename cannot replace; a file is left to the rename."""
    aside = path.with_name(f".replaced-{os.getpid()}-{path.name}")
    if path.is_dir():
        os.replace(path, aside)
    return aside


def _bytes_of(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
