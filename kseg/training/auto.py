"""`--preset auto`: settings for a folder of images, chosen from the images, the masks and how many there are.

The rule. `kseg.datasets.object_width` measures how wide a structure is; an option that is given stays as given.

* model: the recommended one where its encoder's ImageNet weights can be had, else the default, narrow. A note says
  which one.
* image size: the images' median shape, shrunk until the narrowest structure is `WIDTH` pixels wide, to at least
  `SMALLEST` and at most `LARGEST` pixels. Images are enlarged to `SMALLEST` pixels at most. Multiples of 32.
* batch: at least `STEPS_OF_A_PASS` steps a pass, at most the model's own batch and `LARGEST_BATCH` pixels, 4 at least.
* learning rate: Adam's is multiplied by the square root of (batch / the model's own batch).
* epochs: the model's own, or as many as `UPDATES` updates take. An epoch has `STEPS` steps at least, because an epoch
  of two steps spends its time on validation and checkpoints; a large folder gets fewer epochs, for `BUDGET` pixels.
* detections, proposals, candidates of a network that finds objects: enough for the image with the most objects.
* flip: images are mirrored unless a class name says left or right. Features of mirrored images can be cached.

Deterministic: the same files give the same settings.
"""

import dataclasses
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kseg.datasets import Dataset, Record
from kseg.datasets.object_width import median_size, narrowest_width
from kseg.datasets.opening import OWN_FILES
from kseg.encoders import imagenet_problem
from kseg.models import MODELS
from kseg.training.auto_objects import most_objects, places_for
from kseg.training.config import TrainConfig, from_record
from kseg.training.presets import DEFAULT_MODEL, RECOMMENDED, narrow, preset
from kseg.training.record import ChosenOptions
from kseg.training.workdir import WorkDir
from kseg.wording import counted

WITHOUT_WEIGHTS = DEFAULT_MODEL

WIDTH = 12.0
"""Width in pixels at training size: the recommended network's decoder predicts blocks of 4 × 4 from features at 1/4."""

SMALLEST, LARGEST = 224 * 224, 640 * 640
"""Pixels of a training image: the size the encoders were trained at, and a size that two cores train in an evening."""

MULTIPLE = 32

UPDATES = 500
STEPS = 25
STEPS_OF_A_PASS = 8
SMALLEST_BATCH = 4
LARGEST_BATCH = 8 * 512 * 512
"""Pixels of a batch."""

BUDGET = 4e9
"""Pixels of all training images of all epochs: 80,000 images of 224 × 224, about an hour on two cores."""

LEAST_EPOCHS = 3
OPEN_ENDED = 100
"""A model with so many epochs of its own stops by patience, and keeps them."""

SIDED = re.compile(r"(?<![a-z])(left|right)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Choice:
    """A configuration with the chosen `values` of `group.option` filled in, and a sentence on why."""

    config: TrainConfig
    values: dict[str, Any]
    why: str

    def __str__(self) -> str:
        return f"auto: {self.why}\n  to repeat it exactly, add to the command: {self.flags}"

    def to_json(self) -> ChosenOptions:
        """The entry in env.json; the values themselves stand in config.json."""
        return {"options": sorted(self.values), "flags": self.flags, "why": self.why}

    @property
    def flags(self) -> str:
        """Flags that make the command repeat the run exactly, on any machine and after any change of the rule."""
        words = ["--preset", "paper"]
        for name, value in self.values.items():
            flag = f"--{name.partition('.')[2].replace('_', '-')}"
            if isinstance(value, bool):
                words += [flag] if value else []
            else:
                words += [flag, *map(str, value if isinstance(value, tuple | list) else (value,))]
        return shlex.join(words)


def is_automatic(config: TrainConfig) -> bool:
    """Whether `--preset auto` is given, or is the default of the data set."""
    asked = config.training.preset
    return asked == "auto" or (asked is None and config.data.dataset == OWN_FILES)


def choose(
    config: TrainConfig,
    dataset: Dataset,
    path: Path | None,
    *,
    settle: Callable[[TrainConfig], TrainConfig],
    path_of: Callable[[TrainConfig], Path],
) -> Choice | None:
    """Everything that `--preset auto` decides; None without it, and where no option is open, as in jobs of the lab.

    Args:
      path: the run directory, if it was named.
      settle: fills open options without choosing.
      path_of: the default run directory of a settled configuration.
    """
    if not is_automatic(config) or settle(config) == config:
        return None
    if path is not None and (again := recorded(config, path)):
        return again
    network = choose_network(config)
    if path is None and (again := recorded(config, path_of(settle(network.config)))):
        return again
    settings = choose_settings(network.config, dataset, dataset.records("train"))
    why = "; ".join(filter(None, (settings.why, network.why)))
    return Choice(settings.config, network.values | settings.values, why)


def choose_network(config: TrainConfig) -> Choice:
    """The model and the source of its encoder's weights, as far as these options are open."""
    given, values, why = config.model, {}, ""
    name = given.model
    if name is None:
        name = RECOMMENDED
        if given.weights == "none" or not set(given.given) <= set(MODELS[RECOMMENDED].options):
            name = WITHOUT_WEIGHTS
        values["model.model"] = name
    encoder = MODELS[name].encoder_with(given.given)
    if given.weights is None and given.init is None and encoder is not None:
        missing = imagenet_problem(encoder)
        if missing is None:
            values["model.weights"] = "imagenet"
        elif name == RECOMMENDED and given.model is None:
            values["model.model"], values["model.weights"] = WITHOUT_WEIGHTS, "none"
            why = f"{WITHOUT_WEIGHTS} from scratch instead of {RECOMMENDED}, which is better: {missing}"
        else:
            values["model.weights"] = "none"
            why = f"the encoder starts random: {missing}"
    return Choice(filled(config, values), values, why)


def choose_settings(config: TrainConfig, dataset: Dataset, records: Sequence[Record]) -> Choice:
    """Size, batch, steps and flips for a configuration whose model is settled, from its training images."""
    assert config.model.model is not None
    given = config.model.given
    preset_values = preset(config.model.model, dataset.name, given.get("encoder"))
    values: dict[str, Any] = {}
    scratch = config.model.model == WITHOUT_WEIGHTS and "encoder" not in given
    if scratch:
        narrow_own = {name: narrow()[name] for name in MODELS[WITHOUT_WEIGHTS].options if name in narrow()}
        values |= {f"model.{name}": value for name, value in narrow_own.items()}
        if all(given.get(name, 0) <= value for name, value in narrow_own.items()):
            preset_values |= {
                name: narrow()[name] for name in ("learning_rate", "batch_size")
            }  # the paper's are for its width

    # 1. size, unless training takes crops of images that are not resized
    native, width = median_size(dataset, records), narrowest_width(dataset, records)
    size = config.augment.crop or config.model.image_size or training_size(native, width, smallest=not scratch)
    if config.augment.crop is None:
        values["model.image_size"] = size
    pixels = size[0] * size[1]

    # 2. batch, and the learning rate that goes with it
    training, count = config.training, len(records)
    batch = training.batch_size or batch_size(count, pixels, preset_values["batch_size"])
    values["training.batch_size"] = batch
    if preset_values["optimizer"] == "adam" and training.optimizer in (None, "adam"):
        rate = preset_values["learning_rate"] * min(1.0, batch / preset_values["batch_size"]) ** 0.5
        values["training.learning_rate"] = float(f"{rate:.2g}")

    # 3. steps
    a_pass = -(-count // batch)
    steps = training.steps_per_epoch or max(STEPS, a_pass)
    if steps > a_pass:
        values["training.steps_per_epoch"] = steps
    values["training.epochs"] = epochs(steps, batch * pixels, preset_values["epochs"])

    # 4. places for objects
    many = ""
    if dataset.task == "instance" and "detections" in MODELS[config.model.model].options:
        most = most_objects(dataset, records)
        places = places_for(most, on_encoder=given.get("encoder") is not None)
        values |= {f"model.{name}": value for name, value in places.items()}
        many = f", up to {counted(most, 'object')} an image" if places else ""

    # 5. flips
    sided = [name for name in dataset.classes if SIDED.search(name.replace("_", " "))]
    if config.augment.augment is None and not sided:
        values["augment.flip"] = True

    # 6. the values of open options, and why
    values = {name: value for name, value in values.items() if is_open(config, name)}
    wide = "" if width is None else f", narrowest structures about {width:.2g} pixels wide"
    unflipped = f"; not mirrored, for the class {sided[0]!r}" if sided else ""
    thin = ""
    shrinking = (pixels / (native[0] * native[1])) ** 0.5 if config.augment.crop is None else 1.0
    if width is not None and (shrunk := width * shrinking) < min(width, WIDTH / 2):
        thin = f" and {shrunk:.2g} at the training size, where a larger --image-size would keep more of them"
    why = f"{counted(count, 'training image')} of {native[0]}×{native[1]}{many}{wide}{thin}{unflipped}"
    return Choice(filled(config, values), values, why)


def training_size(native: tuple[int, int], width: float | None, *, smallest: bool = True) -> tuple[int, int]:
    """Height and width to train at; `smallest`: enlarge images of fewer than `SMALLEST` pixels."""
    pixels = native[0] * native[1]
    least = SMALLEST if smallest else min(SMALLEST, pixels)
    wanted = pixels * min(1.0, WIDTH / width) ** 2 if width else least
    factor = (min(max(wanted, least), LARGEST) / pixels) ** 0.5
    height, width_of_image = (max(2, round(side * factor / MULTIPLE)) * MULTIPLE for side in native)
    return height, width_of_image


def batch_size(count: int, pixels: int, model_batch: int) -> int:
    """Images a step, for so many training images of so many pixels; `model_batch`: the model's own batch."""
    batch = min(model_batch, 16)
    while batch > SMALLEST_BATCH and (count < STEPS_OF_A_PASS * batch or batch * pixels > LARGEST_BATCH):
        batch //= 2
    return min(max(batch, 1), count)


def epochs(steps: int, pixels: int, model_epochs: int) -> int:
    """Epochs of so many steps of so many pixels; `model_epochs`: the model's own."""
    least = -(-UPDATES // steps)
    if model_epochs >= OPEN_ENDED:
        return max(model_epochs, least)
    affordable = max(LEAST_EPOCHS, int(BUDGET / (steps * pixels)))
    return max(least, min(model_epochs, affordable))


def recorded(config: TrainConfig, path: Path) -> Choice | None:
    """The choice of the run in `path`, for the same command again; None without such a run.

    Open options take the run's values and nothing is chosen anew: an image may have come to the folder, the weights may
    be out of reach today, or the rule may have changed. Options that were given then and are absent now keep their
    default, and opening the run names them.
    """
    workdir = WorkDir(path)
    if not workdir.config.exists() or not workdir.environment.exists():
        return None
    stored = workdir.read_environment().get("auto")
    if stored is None:
        return None
    run = from_record(workdir.read_config(), where=str(workdir.config))
    values = {}
    for name in (name for name in stored["options"] if is_open(config, name)):
        group, _, option = name.partition(".")
        values[name] = getattr(getattr(run, group), option)
    return Choice(filled(config, values), values, f"as chosen when {path} began")


def is_open(config: TrainConfig, name: str) -> bool:
    """Whether `group.option` was not given."""
    group, _, option = name.partition(".")
    return getattr(getattr(config, group, None), option, 0) is None


def filled(config: TrainConfig, values: dict[str, Any]) -> TrainConfig:
    """The configuration with the `values` of `group.option`."""
    if "model.model" in values:  # a model has options of its own
        config = dataclasses.replace(config, model=MODELS[values["model.model"]].adopt(config.model))
    for name, value in values.items():
        group, _, option = name.partition(".")
        config = dataclasses.replace(config, **{group: dataclasses.replace(getattr(config, group), **{option: value})})
    return config
