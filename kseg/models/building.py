"""`build(name, …)`: a Keras model of an architecture by name, with outputs of its input's size."""

import numbers
from collections.abc import Sequence
from pathlib import Path

import keras

from kseg.conventions import DEFAULT_TASK, MAX_CLASSES, output_channels
from kseg.encoders import ENCODERS, TransplantReport, load_encoder_weights
from kseg.errors import UsageError
from kseg.models.architecture import MODELS, Architecture
from kseg.models.crop_to import crop_to
from kseg.models.scales import with_scales
from kseg.ranges import check_value


def build(
    name: str,
    *,
    num_classes: int = 2,
    outputs: int | None = None,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    activation: str | None = "auto",
    weights: str | Path | None = None,
    scales: Sequence[float] = (),
    things: Sequence[int] | None = None,
    **options,
) -> keras.Model:
    """A segmentation network: (N, H, W, 3) RGB in 0..255 → float32 (N, H, W, C).

    Args:
      name: one of `model_names()`.
      num_classes: 2 gives C = 1, foreground; more give C = num_classes.
      outputs: another C: 2 gives two classes a softmax, as in Rahman & Wang's FCN_acc.
      input_shape: (H, W, 3) for one size (faster) or (None, None, 3) for any; the output has exactly the input's size.
      activation: "auto" gives probabilities (sigmoid for C = 1, else softmax), None gives logits.
      weights: of the encoder: None or "none", "imagenet", or the path of a file (`kseg.encoders.read_weights`).
      scales: the network sees the image at each of them (`kseg.models.scales`); (): only at its own size.
      things: class ids of the things of a panoptic network; None: every class except the first.
      options: of the architecture (`MODELS[name].options`), such as `head_width`.
    Returns:
      a flat functional model. For another task than the semantic one its output is a dict, which with
      `activation=None` also has what the loss reads.
    Errors: UsageError for an unknown name or option, a bad shape or number of classes, weights that do not fit.

    >>> import numpy as np
    >>> model = build("unet", num_classes=3, base_width=4)
    >>> tuple(model(np.zeros((1, 50, 70, 3), "uint8")).shape)  # probabilities, of the image's size
    (1, 50, 70, 3)
    >>> model.count_params()
    13707
    """
    return build_with_report(
        name, num_classes=num_classes, outputs=outputs, input_shape=input_shape, activation=activation,
        weights=weights, scales=scales, things=things, **options,
    )[0]  # fmt: skip


def build_with_report(
    name: str,
    *,
    num_classes: int = 2,
    outputs: int | None = None,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    activation: str | None = "auto",
    weights: str | Path | None = None,
    scales: Sequence[float] = (),
    things: Sequence[int] | None = None,
    **options,
) -> tuple[keras.Model, TransplantReport | None]:
    """`build`, and the report of loading `weights`, or None without weights."""
    entry = MODELS[name]
    _check(entry, num_classes, input_shape, activation, weights, options)
    if entry.task == "panoptic":
        options = {**options, "things": checked_things(things, num_classes)}
    elif things is not None:
        raise UsageError(f"things are for panoptic networks, and {entry.name} is for {entry.task!r}; leave them out")
    if entry.task != DEFAULT_TASK:
        model = _answering(entry, num_classes, outputs, input_shape, activation, scales, options)
    else:
        model = _scoring(entry, _channels(num_classes, outputs), input_shape, activation, scales, options)
    if weights is None or str(weights) == "none":
        return model, None
    return model, load_encoder_weights(model, weights, convolutionized=entry.convolutionized)


def _scoring(entry: Architecture, channels: int, input_shape, activation, scales, options) -> keras.Model:
    """Scores or probabilities of every pixel."""
    image = keras.Input(input_shape, name="image")
    scores = crop_to(image, entry(image, channels, **_with_encoder(entry, options)))
    if activation == "auto":
        last = keras.layers.Activation("sigmoid" if channels == 1 else "softmax", dtype="float32", name="probabilities")
    else:
        last = keras.layers.Activation("linear", dtype="float32", name="logits")
    return with_scales(keras.Model(image, last(scores), name=entry.name), scales)


def _answering(entry: Architecture, num_classes: int, outputs, input_shape, activation, scales, options) -> keras.Model:
    """Outputs by name: those for users, and without an activation also those for the loss."""
    if scales:
        words = " ".join(f"{scale:g}" for scale in scales)
        raise UsageError(
            f"--scales {words} is for networks that score pixels, which {entry.name} does not; leave it out"
        )
    if outputs is not None:
        raise UsageError(f"outputs is {outputs}, and {entry.name} gives no scores of pixels; leave it out")
    image = keras.Input(input_shape, name="image")
    answers = entry(image, num_classes, **_with_encoder(entry, options))
    given = answers.users if activation == "auto" else {**answers.users, **answers.training}
    return keras.Model(image, given, name=entry.name)


def _with_encoder(entry: Architecture, options: dict) -> dict:
    """The options of the architecture, with the encoder's own options applied to the encoder."""
    declared = entry.of_encoder(options.get("encoder"))
    of_encoder = {name: value for name, value in options.items() if name in declared}
    if not of_encoder:
        return options
    others = {name: value for name, value in options.items() if name not in of_encoder}
    return {**others, "encoder": ENCODERS[options["encoder"]].having(**of_encoder)}


def _check(entry: Architecture, num_classes, input_shape, activation, weights, options) -> None:
    if not _whole(num_classes) or not 2 <= num_classes <= MAX_CLASSES:
        raise UsageError(f"num_classes is {num_classes}; wanted 2..{MAX_CLASSES}, including background")
    shape = tuple(input_shape)
    if len(shape) != 3 or shape[2] != 3 or any(side is not None and not _positive(side) for side in shape[:2]):
        raise UsageError(f"input_shape is {shape}; wanted (height, width, 3), None for a size that varies")
    if activation not in ("auto", None):
        raise UsageError(f"activation is {activation!r}; wanted 'auto' (probabilities) or None (logits)")
    if entry.encoder_with(options) is None and weights is not None and str(weights) != "none":
        remedy = "name one with --encoder, or pass" if "encoder" in entry.declared else "pass"
        raise UsageError(
            f"{entry.name} has no encoder to put the weights {str(weights)!r} into; {remedy} --weights none"
        )
    valid = {**entry.declared, **entry.of_encoder(options.get("encoder"))}
    unknown = set(options) - set(valid)
    if unknown:
        known = ", ".join(valid) or "none"
        raise UsageError(f"{entry.name} has no option {', '.join(map(repr, sorted(unknown)))}; its options: {known}")
    for name, value in options.items():
        check_value(f"{name} of {entry.name}", value, valid[name].hint, valid[name].default)


def _channels(num_classes: int, outputs: int | None) -> int:
    usual = output_channels(num_classes)
    if outputs not in (None, usual, num_classes):
        valid = " or ".join(str(count) for count in sorted({usual, num_classes}))
        raise UsageError(f"outputs is {outputs} for {num_classes} classes; wanted {valid}")
    return outputs or usual


def checked_things(things: Sequence[int] | None, num_classes: int) -> tuple[int, ...]:
    """The class ids of the things in ascending order; None: every class except the first.

    Raises: UsageError for an id that is no class, and where all classes are things or no class is.
    """
    if things is None:
        return tuple(range(1, num_classes))
    chosen = tuple(sorted({int(one) for one in things}))
    if foreign := [one for one in chosen if not 0 <= one < num_classes]:
        raise UsageError(f"things holds {foreign[0]}, but class ids are 0..{num_classes - 1}; give these")
    if not chosen:
        raise UsageError("no class is a thing, so there are no objects to find; train a semantic network")
    if len(chosen) == num_classes:
        raise UsageError("every class is a thing, so there is no stuff around the objects; train mask_rcnn")
    return chosen


def _whole(number) -> bool:
    return isinstance(number, numbers.Integral) and not isinstance(number, bool)


def _positive(number) -> bool:
    return _whole(number) and number >= 1
