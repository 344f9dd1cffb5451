"""`.keras` files that know their classes: the archive Keras writes, with one member more, `kseg.json`."""

import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kseg import __version__
from kseg.atomic import replacing
from kseg.conventions import DEFAULT_TASK
from kseg.errors import KsegError, UsageError
from kseg.reading import DAMAGE, allowed_growth, held_to, open_regular, parse_json
from kseg.wording import counted

if TYPE_CHECKING:
    import keras

CARD_MEMBER = "kseg.json"
MODEL_OF_A_RUN = "model.keras"
LONGEST_SIDE = 1 << 15
"""The longest side, in pixels, of an image that a network is fed."""

InputSize = Literal["trained", "original"]


@dataclass(frozen=True)
class ModelCard:
    """All that a user of a model needs: the meaning of its channels and the size it was trained at."""

    classes: tuple[str, ...]
    """names in order of id; two mean binary foreground (one sigmoid channel)"""
    palette: tuple[tuple[int, int, int], ...]
    """one RGB color per class"""
    image_size: tuple[int, int] | None = None
    """(height, width) in pixels of the network's input in training; None: each image's own size"""
    model: str = ""
    """name of the architecture"""
    loss: str = ""
    dataset: str = ""
    background: bool = True
    """whether class 0 is background, which overlays leave unpainted"""
    value_range: tuple[float, float] | None = None
    """the values of black and white in training images of more than 8 bits; None: each image's own"""
    input_size: InputSize = "trained"
    """what the network was fed when its run was measured: images resized to `image_size`, or as they are"""
    task: str = DEFAULT_TASK
    """name of what the model answers (`kseg.tasks`)"""
    things: tuple[int, ...] | None = None
    """class ids of which there are objects; None: unknown, or the classes are of another task"""
    data: dict[str, Any] = field(default_factory=dict)
    """options that a data set which reads no files drew the training images with, where they are not the usual ones"""
    kseg: str = __version__
    """the version that wrote the file; empty for a card made up for a model without one"""

    @property
    def knows_classes(self) -> bool:
        """Whether the names of the classes are the training data's, and not made up from the number of channels."""
        return bool(self.kseg)

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict) -> "ModelCard":
        """Raises: ValueError where a value is of another type than its field, or a color or size is impossible."""
        card: ModelCard = held_to(stored, cls)
        if not all(0 <= value <= 255 for color in card.palette for value in color):
            raise ValueError(f"a color of {card.palette} has a value outside of 0..255")
        if card.image_size is not None and not all(0 < side <= LONGEST_SIDE for side in card.image_size):
            raise ValueError(f"image_size is {card.image_size}; its sides must be 1 to {LONGEST_SIDE} pixels")
        if card.things is not None and not set(card.things) <= set(range(len(card.classes))):
            raise ValueError(f"things are {card.things} among {counted(len(card.classes), 'class')}")
        if card.value_range is not None and not card.value_range[0] < card.value_range[1]:
            raise ValueError(f"value_range is {card.value_range}, not the values of black and white")
        return card


def save_model(model: "keras.Model", path: Path | str, card: ModelCard) -> None:
    """Write the model (giving probabilities) and its card to `path`, ending in `.keras`, whole or not at all."""
    path = Path(path)
    if path.suffix != ".keras":
        raise UsageError(f"a model is saved as a .keras file, received {path}; try {path.with_suffix('.keras')}")
    _check_outputs(model, card, path)
    with replacing(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(CARD_MEMBER, json.dumps(card.to_json(), indent=1))


def load_model(path_or_run: Path | str) -> tuple["keras.Model", ModelCard]:
    """The model in a `.keras` file or run directory, and its card.

    Keras's safe mode stays on: a file that wants to run code of its own is refused. A file without a card, such as one
    that Keras wrote, gets one from its output channels. Errors: each is one sentence and a `UsageError`.
    """
    path = model_path(path_or_run)
    config, card_text = _members(path)
    _refuse_code(config, path)
    model = _load_safely(path)
    _check_input(model, path)
    card = _card_from_channels(model, path) if card_text is None else _parse_card(card_text, path)
    _check_outputs(model, card, path)
    return model, card


def read_card(path_or_run: Path | str) -> ModelCard | None:
    """The card alone, without loading the model; None for a file that Keras wrote."""
    path = model_path(path_or_run)
    _, card_text = _members(path, whole=False)
    return None if card_text is None else _parse_card(card_text, path)


def model_path(path_or_run: Path | str) -> Path:
    """The `.keras` file that a file name or run directory means; UsageError if there is none."""
    path = Path(path_or_run)
    if path.is_dir():
        model = path / MODEL_OF_A_RUN
        if model.is_file():
            return model
        raise UsageError(
            f"{path} holds no {MODEL_OF_A_RUN}: the run has not finished or is no run; "
            "start the same training command again to finish it, or pass a .keras file"
        )
    if not path.exists():
        raise UsageError(f"{path} does not exist; pass a .keras file or a run directory")
    if path.suffix != ".keras":
        raise UsageError(f"{path} is no model file; pass a .keras file or a run directory")
    return path


def _members(path: Path, *, whole: bool = True) -> tuple[dict, str | None]:
    """The architecture and the card's text; `whole`: every member of the archive is checked."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            size = file.seek(0, 2)
            if (unpacked := sum(member.file_size for member in archive.infolist())) > allowed_growth(size):
                raise ValueError(f"it would unpack to {unpacked} bytes")
            names = set(archive.namelist())
            if "config.json" not in names:
                raise UsageError(
                    f"{path} is a zip archive but no Keras model (it has no config.json); pass another file"
                )
            broken = archive.testzip() if whole else None
            if broken is not None:
                raise UsageError(f"{path} is damaged at {broken}; copy or save it again")
            if whole:
                _check_weights(archive, size)
            card = archive.read(CARD_MEMBER).decode() if CARD_MEMBER in names else None
            return parse_json(archive.read("config.json"), dict[str, Any]), card
    except KsegError:
        raise
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise UsageError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
        raise UsageError(
            f"{path} ({path.stat().st_size} bytes) is cut short or no .keras file ({error}); copy or save it again"
        ) from error


def _check_weights(archive: zipfile.ZipFile, size: int) -> None:
    """Raises: ValueError where the arrays that the weights declare are larger than they could be."""
    import h5py

    from kseg.encoders.weights_file import check_declared

    for name in archive.namelist():
        if name.endswith(".h5"):
            with archive.open(name) as member, h5py.File(member, "r") as weights:
                check_declared(weights, size)


def _refuse_code(config, path: Path) -> None:
    """Lambda layers carry Python bytecode; Keras's safe mode refuses them too, in more words."""
    if isinstance(config, dict):
        if config.get("class_name") in ("Lambda", "__lambda__"):
            raise UsageError(
                f"{path} contains a Lambda, which would run code from the file, and is not loaded; "
                "rebuild the model from layers without Lambda and save it again"
            )
        for value in config.values():
            _refuse_code(value, path)
    elif isinstance(config, list):
        for value in config:
            _refuse_code(value, path)


def _load_safely(path: Path) -> "keras.Model":
    import keras

    import kseg.encoders
    import kseg.layers
    import kseg.models  # noqa: F401  (their layers register themselves with Keras)

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except KsegError:
        raise
    except Exception as error:  # Keras raises whatever the first thing that did not fit raises
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UsageError(
            f"{path} cannot be loaded ({reason[0][:200]}); it may need layers that are neither Keras's nor kseg's, "
            "or another version of Keras"
        ) from error


def _check_input(model, path: Path) -> None:
    shapes = [tuple(tensor.shape) for tensor in model.inputs or ()]
    if [len(shape) for shape in shapes] != [4]:
        raise UsageError(f"{path} is no segmentation model: it should take (N, H, W, 3), it takes {shapes}")
    if shapes[0][-1] not in (3, None):
        raise UsageError(f"{path} takes {counted(shapes[0][-1], 'channel')} where RGB images have 3")


def _check_outputs(model, card: ModelCard, path: Path) -> None:
    from kseg.tasks import TASKS

    if card.task not in TASKS:
        raise UsageError(
            f"{path} answers the task {card.task!r}, which this kseg does not know (it knows {', '.join(TASKS)}); "
            "import what registers it, or install the version that wrote the file"
        )
    misfit = TASKS[card.task].misfit(model, card.classes)
    if misfit:
        raise UsageError(f"{path}: {misfit}")
    if len(card.palette) != len(card.classes):
        raise UsageError(
            f"{path}: {counted(len(card.palette), 'color')} for {counted(len(card.classes), 'class')}; give one each"
        )


def _card_from_channels(model, path: Path) -> ModelCard:
    """The card of a semantic model; models of other tasks are always saved with a card."""
    from kseg.datasets.images import contrasting_palette

    shapes = [tuple(tensor.shape) for tensor in model.outputs or ()]
    if [len(shape) for shape in shapes] != [4] or shapes[0][-1] is None:
        raise UsageError(
            f"{path} is no segmentation model: it should give (N, H, W, C) with a fixed number of classes, it gives "
            f"{shapes}"
        )
    channels = model.outputs[0].shape[-1]
    binary = channels <= 2
    names = ("background", "foreground") if binary else tuple(f"class {i}" for i in range(channels))
    height, width = model.inputs[0].shape[1:3]
    return ModelCard(
        classes=names,
        palette=contrasting_palette(len(names)),
        image_size=None if None in (height, width) else (height, width),
        model=model.name,
        kseg="",
    )


def _parse_card(text: str, path: Path) -> ModelCard:
    try:
        return ModelCard.from_json(parse_json(text, dict[str, Any]))
    except ValueError as error:
        raise UsageError(f"{path}: its {CARD_MEMBER} is not a model card ({error}); save the model again") from error
