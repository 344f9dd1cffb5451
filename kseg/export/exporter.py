"""Export a model, reload what was written, compare it with the original, and only then give it its name."""

import contextlib
import dataclasses
import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from kseg.atomic import replacing, write_json
from kseg.errors import Failure, KsegError, UsageError
from kseg.export.formats import Format, FormatName, Predict, format_named

if TYPE_CHECKING:
    from kseg.inference import ModelCard

CARD = "card.json"
USUAL_SIZE = 224
"""Pixels a side at which a model of any size is checked when nobody knows what it was trained at."""
Size = tuple[int | None, int | None]


@dataclass(frozen=True)
class ExportReport:
    """What was written and how well it agrees with the Keras model."""

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
) -> ExportReport:
    """Writes `model` to `path` so that it runs without kseg, and checks what was written.

    The export takes raw uint8 RGB images (N, H, W, 3) named `images` and returns float32 `probabilities`
    (N, H, W, C). SavedModel and ONNX take any N, H and W that the model takes; LiteRT takes one image of
    `card.image_size`. The export computes in float32, whatever precision the model was trained in. Classes, palette and
    sizes go into `card.json` inside a SavedModel's folder, `NAME.card.json` beside a file.

    Args:
      model: of one image input, giving probabilities, as `kseg.inference.load_model` returns it.
      card: its classes, palette and image size.
      path: where the export shall lie; a folder for a SavedModel, `*.onnx`, `*.tflite`.
      format: saved_model, onnx or litert.
      overwrite: replace an earlier export.
      image_size: height and width that LiteRT is fixed to, instead of `card.image_size`.
    Raises:
      UsageError: unknown format, a name that is taken or misleading, a backend other than TensorFlow, a missing
        package.
      Failure: it could not be converted or written, or differs by more than the format's tolerance; nothing is left
        behind.
    """
    path, kind = Path(path), format_named(format)
    kind.check_name(path)
    _check_free(path, kind, overwrite)
    _check_backend()
    implementation = kind.implementation()
    from kseg.export.serving import in_float32, serving_function, spatial_size

    size, usual = _sizes(spatial_size(model), image_size or card.image_size, kind)
    model = in_float32(model)
    serve = serving_function(model, None if kind.variable_size else 1, size)
    with replacing(path) as draft:
        with _conversion(kind):
            implementation.write(serve, draft)
            difference = largest_difference(model, implementation.load(draft), check_shapes(size, usual))
        if not difference <= kind.tolerance:  # also when it is nan
            raise Failure(
                f"the {kind.title} export differs from the Keras model by {difference:.2g} (tolerance "
                f"{kind.tolerance:g}), so it was not kept; try another --format"
            )
        note = describe(kind, size, implementation, draft)
        written = _bytes_of(draft)
        write_json(draft / CARD if draft.is_dir() else card_path(path), _card(card, model, kind, difference, note))
        earlier = _move_aside(path)
    shutil.rmtree(earlier, ignore_errors=True)
    return ExportReport(path, format, written, difference, note)


def default_path(model_path: Path, format: str) -> Path:  # noqa: A002
    """Where an export goes when nobody says: beside the model file (`RUN/model.onnx`)."""
    file = model_path / "model.keras" if model_path.is_dir() else model_path
    return file.with_name(format_named(format).default_name.format(stem=file.stem))


def largest_difference(model: keras.Model, predict: Predict, shapes: list[tuple[int, int, int]]) -> float:
    """Largest absolute difference between `predict` and `model` over random images of the given (N, H, W)."""
    rng = np.random.default_rng(0)
    differences = []
    for count, height, width in shapes:
        # Blotches under the noise: on noise alone a trained model may be certain everywhere, and the check blind.
        blotches = rng.uniform(0, 255, (count, height // 16 + 1, width // 16 + 1, 3)).repeat(16, 1).repeat(16, 2)
        noise = rng.normal(0, 30, (count, height, width, 3))
        images = np.clip(blotches[:, :height, :width] + noise, 0, 255).astype(np.uint8)
        expected = keras.ops.convert_to_numpy(model(images.astype(np.float32), training=False))
        got = predict(images)
        if got.shape != expected.shape or got.dtype != np.float32:
            raise Failure(f"the export gives {got.dtype} {got.shape}, the Keras model float32 {expected.shape}")
        differences.append(np.max(np.abs(got - expected)))
    return float(np.max(differences))


def check_shapes(size: Size, usual: tuple[int, int]) -> list[tuple[int, int, int]]:
    """(N, H, W) to compare at: the usual size, and where height or width may vary, a batch of another, odd one."""
    if None not in size:
        return [(1, *usual)]
    height, width = usual
    return [(1, height, width), (2, size[0] or height * 3 // 4 | 1, size[1] or width + 7)]


def _sizes(built_for: Size, usual: tuple[int, int] | None, kind: Format) -> tuple[Size, tuple[int, int]]:
    """The height and width that the export takes, None for any, and a pair to check it at."""
    if usual is None or None not in built_for:
        usual = (built_for[0] or USUAL_SIZE, built_for[1] or USUAL_SIZE)
        if not kind.variable_size and None in built_for:
            raise UsageError(f"{kind.title} takes images of one size and the model names none; pass --image-size H W")
    height, width = (fixed or given for fixed, given in zip(built_for, usual, strict=True))
    return built_for if kind.variable_size else (height, width), (height, width)


def describe(kind: Format, size: Size, implementation, draft: Path) -> str:
    """What the export takes, for the person who will feed it."""
    height, width = ("any" if side is None else side for side in size)
    sizes = "any height and width" if size == (None, None) else f"{height} × {width} pixels (height × width)"
    images = "images" if kind.variable_size else "one image at a time"
    note = f"Takes raw uint8 RGB {images} of {sizes}; gives float32 probabilities."
    foreign = implementation.foreign_operations(draft) if hasattr(implementation, "foreign_operations") else []
    return note + (f" Needs a LiteRT with TensorFlow's select ops for {', '.join(foreign)}." if foreign else "")


def card_path(path: Path) -> Path:
    """Where the card of a finished export lies: inside a SavedModel's folder, beside a file."""
    return path / CARD if path.is_dir() else path.with_suffix(f".{CARD}")


def _card(card: "ModelCard", model: keras.Model, kind: Format, difference: float, note: str) -> dict:
    channels = model.output_shape[-1]
    meaning = f"probability of {card.classes[1]}" if channels == 1 else "a probability for each class, in order of id"
    return dataclasses.asdict(card) | {
        "input": "images: uint8 (N, H, W, 3), RGB, 0..255",
        "output": f"probabilities: float32 (N, H, W, {channels}), {meaning}",
        "note": note,
        "largest_difference_from_keras": difference,
        "format": kind.title,
    }


@contextlib.contextmanager
def _conversion(kind: Format) -> Iterator[None]:
    """Converters and runtimes raise whatever they like; a person gets one sentence."""
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
