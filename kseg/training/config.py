"""The one configuration that drives a run. Every field is a flag of `kseg train` and a key of its TOML file.

A field left at None takes the value of the model's preset; `resolve` fills them in, and the resolved configuration is
what a run records and compares. Options of a single data set or model are fields of its own `Options`.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from kseg.datasets import DATASETS, DataOptions, data_options
from kseg.datasets.class_statistics import Weighting
from kseg.datasets.opening import DEFAULT_DATASET, left_out, without_foreign
from kseg.errors import UsageError, unknown_name
from kseg.field_types import described, fits
from kseg.models import MODELS, ModelOptions, choosing
from kseg.pipeline.augmentation import Augmentation
from kseg.ranges import COUNT, NOT_NEGATIVE, POSITIVE, SEED, SIDE, Range, check_ranges
from kseg.signature import RENAMED
from kseg.training.presets import DEFAULT_MODEL, SOFTMAX_LOSS, preset
from kseg.wording import counted

WITH_EPSILON = ("rmsprop", "adam", "adamw")
"""The optimizers that have an epsilon."""

KERAS_EPSILON = 1e-7
"""Keras' own epsilon, which runs had before `--epsilon` existed."""

CHANGES = "changes"
"""Key of config.json: the changes of options in the middle of a run, by number, and after how many epochs."""


@dataclass(frozen=True)
class OptionGroup:
    """Options whose numbers are checked as they are made."""

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class LossOptions(OptionGroup):
    """What is minimized."""

    loss: str | None = None
    """what is minimized: a loss (`kseg losses` lists them), a weighted sum such as "bce + 0.5*iou", or one after
    another: "ce for 3 epochs, then ce + lovasz" (optimizer and learning rate go on; the best epoch is the best of all,
    patience counts in the last; unset: the model's own, or cross-entropy for two classes with two outputs). Objects:
    the loss of masks, "mask=bce + dice". Panoptic networks: the losses of masks and of pixels and the weights of both
    parts, as in "mask=bce; semantic=ce + lovasz; lambda_i=1; lambda_s=0.5", which are the default weights"""
    loss_reduction: Literal["mean", "sum"] | None = None
    """how the losses of a batch's images are joined; van Beers et al. take the sum (unset: the model's own)"""
    loss_stride: Annotated[int, Range(least=1, most=64)] = 1
    """1: the loss is computed at the size of the image; s: on the network's own grid, which has every s-th pixel
    (DeepLab: 8), with labels shrunk by nearest. A loss that sums over pixels has fewer of them there"""
    class_weights: Weighting = "none"
    """class weights of cross-entropies from frequencies in the training images: median(f)/f, or 1/ln(1.02 + share)"""
    pixel_weights: Literal["none", "balance", "border"] | None = None
    """weigh the loss of every pixel: balance, by how rare its class is in training; border, U-Net's w_c +
    w0·exp(−(d1 + d2)²/2σ²): balanced, and more where two objects come close (unset: the model's own, else none)"""
    border_weight: Annotated[float, NOT_NEGATIVE] = 10.0
    """w0 of --pixel-weights border"""
    border_sigma: Annotated[float, POSITIVE] = 5.0
    """σ of --pixel-weights border, in pixels at training size"""


@dataclass(frozen=True)
class TrainingOptions(OptionGroup):
    """How it is minimized."""

    preset: Literal["auto", "paper"] | None = None
    """where unset options come from. paper: the model's paper, or settings measured for the model. auto: network, size,
    batch, steps, learning rate and flips are chosen from the images and masks, and printed (unset: auto on a folder,
    else paper)"""
    epochs: Annotated[int | None, COUNT] = None
    """upper bound of epochs (unset: the model's own)"""
    batch_size: Annotated[int | None, COUNT] = None
    """images a step, over all devices (unset: the model's own)"""
    optimizer: Literal["rmsprop", "sgd", "adam", "adamw"] | None = None
    """how weights are updated (unset: the model's own)"""
    learning_rate: Annotated[float | None, NOT_NEGATIVE] = None
    """learning rate of the optimizer, before --schedule (unset: the model's own)"""
    momentum: Annotated[float | None, Range(least=0, below=1)] = None
    """momentum of sgd and rmsprop (unset: the model's own, else 0)"""
    epsilon: Annotated[float | None, POSITIVE] = None
    """ε of rmsprop, adam and adamw, which divide by the root of a mean square: rmsprop by √(v + this), the others by
    √v + this (unset: the model's own, else Keras' 1e-7)"""
    weight_decay: Annotated[float, NOT_NEGATIVE] = 0.0
    """decoupled weight decay, as in AdamW: every step shrinks the weights by learning rate × this"""
    l2_decay: Annotated[float | None, NOT_NEGATIVE] = None
    """weight decay of sgd, in the gradient: its velocity sees gradient + this × weight, biases excepted (unset: the
    model's own, else 0)"""
    layer_rates: tuple[str, ...] | None = None
    """learning rates of single layers, PATTERN=FACTOR: fc8=10 trains the layer fc8 ten times as fast, '*/bias=2' all
    biases twice as fast, fc8/bias=20 one of them, encoder=0.1 all of the encoder; the last that fits counts (unset: the
    model's own, else all alike)"""
    schedule: Literal["constant", "poly", "cosine"] | None = None
    """learning rate over the run: constant, lr·(1 − i/i_max)^power, or half a cosine (unset: the model's own)"""
    poly_power: Annotated[float, Range(above=0, most=1000)] = 0.9
    """power of the poly schedule; 1 falls linearly"""
    warmup_epochs: Annotated[float, Range(least=0, most=1_000_000)] = 0.0
    """the learning rate rises linearly from 0 over this many epochs first"""
    clip_norm: Annotated[float | None, POSITIVE] = None
    """clip the global norm of the gradient"""
    ema: Annotated[float | None, Range(above=0, below=1)] = None
    """momentum of an exponential moving average of the weights, e.g. 0.99; validation and the result use the average"""
    accumulate: Annotated[int, COUNT] = 1
    """add up the gradients of this many steps before each update"""
    patience: Annotated[int | None, COUNT] = None
    """stop after this many epochs without a better validation score, IoU or AP as the model's task has it (unset: the
    model's own); where one loss follows another, only in the last"""
    positives_per_batch: Annotated[int | None, Range(least=0, most=1_000_000)] = None
    """binary tasks: least number of images in every batch that show the foreground (unset: the model's own)"""
    steps_per_epoch: Annotated[int | None, COUNT] = None
    """call this many steps an epoch (unset: one pass over the training images)"""
    test_input: Literal["trained", "original"] | None = None
    """what the network is fed on the test split: images resized as in training, or as they are; the truth keeps its
    own size either way (unset: as in the model's paper, else trained)"""
    test_crf: tuple[str, ...] = ()
    """measure the test images a second time behind a dense CRF, at their own size: a name or keys of its parameters, as
    in kseg evaluate --crf-parameters"""
    test_probabilities: Annotated[int, Range(least=0, most=1000)] = 0
    """number of test images, the first of the split, whose probabilities are kept as bytes (test_probabilities.npz)"""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """arithmetic of the layers; weights, losses and metrics stay float32"""
    jit: Literal["auto", "on", "off"] = "auto"
    """XLA: auto compiles the whole step on accelerators and on the JAX backend, and on TensorFlow's CPU the loss and
    metrics of long runs"""
    distribute: Literal["none", "mirrored", "multiworker"] = "none"
    """mirrored: all GPUs of this machine; multiworker: the machines that TF_CONFIG names"""
    cache_features: Literal["auto", "on", "off"] = "auto"
    """compute the features of a frozen encoder once and train on them (auto: where nothing is augmented and they
    fit)"""
    seed: Annotated[int, SEED] = 1
    """seed of the random weights, the order of images and augmentation"""
    tensorboard: bool = True
    """write TensorBoard events: scalars, and overlays of validation images"""
    keep: Literal["everything", "measurements"] = "everything"
    """measurements: scores, curves and the predicted test masks alone; no checkpoint, model or report is left behind
    and no TensorBoard events are written (for studies of many runs)"""


@dataclass(frozen=True)
class TrainConfig:
    """All options of a training run."""

    data: DataOptions = field(default_factory=data_options)
    model: ModelOptions = field(default_factory=ModelOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    augment: Augmentation = field(default_factory=Augmentation)
    training: TrainingOptions = field(default_factory=TrainingOptions)

    def to_json(self) -> dict[str, Any]:
        return to_json(self)

    @property
    def training_size(self) -> tuple[int, int]:
        """Height and width of what the network sees in training: crops, or whole images."""
        size = self.augment.crop or self.model.image_size
        assert size is not None  # resolved: images that are not resized are cropped
        return size


def to_json(value: Any) -> Any:
    """Dataclasses, paths and tuples as plain JSON values."""
    if dataclasses.is_dataclass(value):
        return {entry.name: to_json(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def from_json(
    config: dict[str, Any], *, where: str = "config.json", note: Callable[[str], None] = lambda sentence: None
) -> TrainConfig:
    """The configuration that `to_json` wrote; `note` is called with options of other data sets and models, left out.

    Raises: UsageError that names an unknown group or key, or a value of a wrong type.
    """
    if not isinstance(config, dict) or not all(isinstance(values, dict) for values in config.values()):
        raise UsageError(f"{where} holds no groups of settings; write [data], [model], [loss], [augment], [training]")
    parts: dict[str, Any] = {}
    groups = {entry.name: entry.default_factory for entry in dataclasses.fields(TrainConfig)}
    for group, values in config.items():
        if group == CHANGES:
            continue  # how a run came to these values
        if group not in groups:
            raise unknown_name(f"group in {where}", group, groups)
        # 1. the names that are options of this group
        kind: Any = groups[group]
        values = {RENAMED.get(key, key): value for key, value in values.items()}
        if group == "data":
            values, foreign = without_foreign(values)
            if foreign:
                note(left_out(foreign, values, where=where))
            values = {"dataset": DEFAULT_DATASET, **values}
            kind = DATASETS[str(values["dataset"])].Options
        if group == "model":
            kind = choosing.kind_for(values, otherwise=DEFAULT_MODEL)
            values, others = choosing.without_foreign(values, kind)
            if given := {key: value for key, value in others.items() if value is not None}:
                note(choosing.left_out(given, values, where=where))
            values = {"model": None, **values}
        fields = {entry.name: entry for entry in dataclasses.fields(kind)}
        for key in values:
            if key not in fields:
                raise unknown_name(f"key of [{group}] in {where}", key, fields)
        # 2. their values, each of its type
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        hints = get_type_hints(kind)
        for key, value in plain.items():
            if not fits(value, hints[key]):
                raise UsageError(
                    f"{key} of [{group}] in {where} is {values[key]!r}; it must be {described(hints[key])}"
                )
        if plain.get("data_dir"):
            plain["data_dir"] = Path(plain["data_dir"])
        parts[group] = kind(**plain)
    return TrainConfig(**parts)


def from_record(config: dict[str, Any], *, where: str = "config.json") -> TrainConfig:
    """The resolved configuration that a run recorded; options newer than the run get the value the run had."""
    recorded = from_json(config, where=where)
    if "epsilon" not in config.get("training", {}) and recorded.training.optimizer in WITH_EPSILON:
        training = dataclasses.replace(recorded.training, epsilon=KERAS_EPSILON)
        recorded = dataclasses.replace(recorded, training=training)
    if "pixel_weights" not in config.get("loss", {}):
        recorded = dataclasses.replace(recorded, loss=dataclasses.replace(recorded.loss, pixel_weights="none"))
    if "layer_rates" not in config.get("training", {}):
        recorded = dataclasses.replace(recorded, training=dataclasses.replace(recorded.training, layer_rates=()))
    return recorded


def changed_values(old: Any, new: Any, prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """`group.key` to the old and the new value, of all that differs between two JSON configurations."""
    if isinstance(old, dict) and isinstance(new, dict):
        changed: dict[str, tuple[Any, Any]] = {}
        for key in sorted(old.keys() | new.keys()):
            changed |= changed_values(old.get(key), new.get(key), f"{prefix}.{key}" if prefix else key)
        return changed
    return {} if old == new else {prefix: (old, new)}


def differences(old: Any, new: Any) -> list[str]:
    """Lines `group.key: old → new` for what differs between two JSON configurations."""
    return in_words(changed_values(old, new))


def in_words(changed: dict[str, tuple[Any, Any]]) -> list[str]:
    """A line for every changed value."""
    return [f"{key}: {old!r} → {new!r}" for key, (old, new) in changed.items()]


def resolve(config: TrainConfig, *, image_size: tuple[int, int], num_classes: int = 2) -> TrainConfig:
    """Fill every field left at None that the model's preset or the data set knows, and check the rest."""
    from kseg.training.layer_rates import without_encoder

    # 1. the values of the preset, except those that belong to another choice
    model = MODELS[DEFAULT_MODEL if config.model.model is None else config.model.model].adopt(config.model)
    preset_values = preset(model.model, config.data.dataset, model.given.get("encoder"))
    values = {
        "positives_per_batch": 0,
        "epsilon": KERAS_EPSILON,
        "pixel_weights": "none",
        **preset_values,
        "image_size": image_size,
        "weights": "none",
    }
    if config.model.outputs == 2 and num_classes == 2:
        values["loss"] = SOFTMAX_LOSS
    if config.loss.loss not in (None, preset_values["loss"]) or config.loss.class_weights != "none":
        values["pixel_weights"] = "none"  # the preset's weights belong to its loss, and balance the classes already
    if config.training.optimizer not in (None, values["optimizer"]):
        # The preset's values belong to the preset's optimizer.
        values |= {"momentum": 0.0, "l2_decay": 0.0, "layer_rates": (), "epsilon": KERAS_EPSILON}
    if model.weights in (None, "none") and model.init is None:  # there is nothing that a small rate would keep
        values["layer_rates"] = without_encoder(values["layer_rates"])
    # 2. values that follow from others
    augment = config.augment.expanded(values)
    if augment.crop is not None:  # windows of the images as they are, unless a size is asked for
        values["image_size"] = None
        if config.model.image_size is None:
            values["test_input"] = "original"
    if (config.training.optimizer or values["optimizer"]) not in WITH_EPSILON:
        values["epsilon"] = None
    if num_classes > 2:
        if config.training.positives_per_batch:
            raise UsageError(
                f"--positives-per-batch asks for images with the foreground, and {config.data.dataset} has "
                f"{counted(num_classes, 'class')} here; choose one of them with --category"
            )
        values["positives_per_batch"] = 0  # a preset means its paper's binary task

    # 3. every open field filled in
    config = dataclasses.replace(
        config,
        training=dataclasses.replace(_filled(config.training, values), preset=None),  # the preset is filled in
        loss=_filled(config.loss, values),
        model=_filled(model, values),
        augment=augment,
    )
    check(config)
    return config


def _filled(group: Any, values: dict[str, Any]) -> Any:
    """A group of options with its open options filled in."""
    missing = {name: value for name, value in values.items() if getattr(group, name, 0) is None}
    return dataclasses.replace(group, **missing)


def ignored_options(config: TrainConfig) -> list[str]:
    """A sentence for every given option that has no effect because of another option."""
    training, loss = config.training, config.loss
    idle = {
        "poly_power": (training, training.schedule != "poly", f"the {training.schedule} schedule"),
        "border_weight": (loss, loss.pixel_weights != "border", f"--pixel-weights {loss.pixel_weights}"),
        "border_sigma": (loss, loss.pixel_weights != "border", f"--pixel-weights {loss.pixel_weights}"),
    }
    return [
        f"--{name.replace('_', '-')} means nothing with {reason} and is ignored"
        for name, (group, is_idle, reason) in idle.items()
        if is_idle and getattr(group, name) != getattr(type(group)(), name)
    ]


def _spaced(values: tuple[int, ...]) -> str:
    return " ".join(map(str, values))


def check(config: TrainConfig) -> None:
    """Refuse options that contradict each other, before a file is read or a network built."""
    # These need Keras, and the help of a command does not.
    from kseg.models.scales import check_scales
    from kseg.postprocess import crf_parameters
    from kseg.training.layer_rates import layer_rates

    # 1. options of the loss and of training that exclude each other
    training = config.training
    if config.loss.pixel_weights != "none" and config.loss.class_weights != "none":
        raise UsageError(
            f"--pixel-weights {config.loss.pixel_weights} balances the classes already; leave out --class-weights"
        )
    assert training.epochs is not None and training.batch_size is not None  # resolved
    if training.warmup_epochs >= training.epochs:
        raise UsageError(
            f"--warmup-epochs is {training.warmup_epochs:g} and the run has {training.epochs} epochs, so the run would "
            "never reach its learning rate; warm up for fewer"
        )
    if (training.positives_per_batch or 0) > training.batch_size:
        raise UsageError(
            f"--positives-per-batch is {training.positives_per_batch} and a batch holds {training.batch_size} images; "
            "ask for fewer, or pass a larger --batch-size"
        )
    if training.momentum and training.optimizer not in ("sgd", "rmsprop"):
        raise UsageError(f"--momentum goes with sgd and rmsprop, not with {training.optimizer}; leave it out")
    if training.epsilon is not None and training.optimizer not in WITH_EPSILON:
        raise UsageError(f"--epsilon goes with {', '.join(WITH_EPSILON)}, not with {training.optimizer}; leave it out")
    if training.l2_decay and training.optimizer != "sgd":
        raise UsageError(
            f"--l2-decay goes with sgd, not with {training.optimizer}; leave it out or pass --weight-decay"
        )
    # 2. options that are parsed from texts
    layer_rates(training.layer_rates or ())
    crf_parameters(training.test_crf)
    check_scales(config.model.scales)
    # 3. options of the model and of the images that exclude each other
    if config.model.init is not None and config.model.weights != "none":
        raise UsageError(
            f"--init {config.model.init} and --weights {config.model.weights} both fill the encoder; leave one out"
        )
    if config.model.image_size is None and training.test_input == "trained":
        raise UsageError(
            "--test-input trained wants images resized as in training, and --crop without --image-size resizes none; "
            "leave it out, or pass --image-size"
        )
    if not all(map(SIDE.holds, config.training_size)):
        raise UsageError(f"--crop is {_spaced(config.training_size)}; for networks each side must be {SIDE}")
    if training.cache_features == "on" and not config.augment.cacheable:
        raise UsageError("--cache-features on needs images that never change; leave out the augmentation but --flip")
