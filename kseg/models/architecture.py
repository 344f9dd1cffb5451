"""The description of an architecture: its function, its encoder, the options of its signature, its paper's settings."""

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from kseg.conventions import DEFAULT_TASK
from kseg.errors import UsageError
from kseg.models.options import ModelOptions
from kseg.registry import Registry
from kseg.signature import Option, declared

if TYPE_CHECKING:
    pass


LAPTOP: dict[str, Any] = {
    # Not from a paper: tuned on LFW (the README's results show what it reaches).
    "optimizer": "adam",
    "learning_rate": 2e-3,
    "schedule": "poly",
    "batch_size": 16,
    "epochs": 14,
    "patience": 20,
    "loss_reduction": "mean",
}
"""The preset of an architecture that names none."""

FINE_TUNED: dict[str, Any] = {**LAPTOP, "layer_rates": ("encoder=0.1",)}
"""LAPTOP for training a whole encoder. At the full rate its features change faster than the statistics of the layers
after it, and validation is noise (DeepLab v3+ on CamVid: training accuracy 0.81, validation 0.16)."""

ANY_ENCODER = "*"
"""In `preset_on`: every encoder that it does not name, including those registered later."""


class Answers(NamedTuple):
    """The outputs of a network for another task than the default one, by name."""

    users: dict[str, Any]
    """KerasTensors in the units that users want"""
    training: dict[str, Any]
    """further outputs that only the loss reads"""


@dataclass(frozen=True)
class Architecture:
    """A family of networks: `function(image, channels, **options)` gives scores (N, ≥ H, ≥ W, channels) of an image.

    The scores are logits whose top left H × W belong to the image; `build` crops them and applies the activation. A
    network with fewer scores than pixels (`unet2015` with borders cropped) scores the center. For another task than the
    default one, the function gives `Answers`, and takes the number of classes (including background) in place of
    channels, and for the task "panoptic" also `things`, the class ids of the things.
    """

    name: str
    function: Callable[..., Any]
    encoder: str | None
    """name of its encoder unless the option `encoder` names another; None if it has none by default"""
    convolutionized: Mapping[str, str] = field(default_factory=dict)
    """layer → dense layer of the classification network from which it takes its weights"""
    preset: Mapping[str, Any] = field(default_factory=lambda: LAPTOP)
    """option of the loss, of augmentation or of training → its paper's value"""
    preset_on: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """encoder, or `ANY_ENCODER` → preset that replaces `preset` where `--encoder` names it"""
    preset_drawn: Mapping[str, Any] | None = None
    """preset that replaces `preset` on the data set of a command that names none: drawn pictures, as many as wanted"""
    task: str = DEFAULT_TASK
    """name of the task of its networks (`kseg.tasks`)"""
    applied: Mapping[str, Any] = field(default_factory=dict)
    """own option → its value in the finished network, whatever its value in training; it changes no weight"""

    def __call__(self, image, channels: int, **options) -> Any:
        return self.function(image, channels, **options)

    @cached_property
    def declared(self) -> dict[str, Option]:
        """The options of the signature, each with its annotation, default and text."""
        return {name: self._written_out(option) for name, option in declared(self.function).items()}

    def _written_out(self, option: Option) -> Option:
        """The option with the full text where its docstring says "as in `fcn32s`"."""
        reference = re.match(r"as in `(\w+)`", option.text)
        if not reference:
            return option
        text = MODELS[reference[1]].declared[option.name].text
        return dataclasses.replace(option, text=text.rstrip(".") + option.text[reference.end() :])

    @property
    def options(self) -> dict[str, Any]:
        """The options of the signature, with their defaults."""
        return {name: option.default for name, option in self.declared.items()}

    @property
    def Options(self) -> type[Any]:  # noqa: N802  (a class)
        """`ModelOptions` with the architecture's own options as further fields."""
        return self.options_on(None)

    def options_on(self, encoder: str | None) -> type[Any]:
        """`Options` together with those of the encoder that `--encoder` names."""
        return options_class((self.name, encoder), (*self.declared.values(), *self.of_encoder(encoder).values()))

    def of_encoder(self, encoder: str | None) -> Mapping[str, Option]:
        """The options of the encoder, where the architecture has an option `encoder`."""
        if encoder is None or "encoder" not in self.declared:
            return {}
        from kseg.encoders import ENCODERS

        return ENCODERS[encoder].declared

    def adopt(self, given: ModelOptions) -> Any:
        """The given options as this architecture's. Raises: UsageError for an option that it does not have."""
        kind = self.options_on(given.given.get("encoder"))
        for name in given.given:
            if name not in kind.own_names:
                raise UsageError(self.refusal(name))
        return kind(**{**given.general, "model": self.name}, **given.given)

    def refusal(self, option: str) -> str:
        """The error message for an option that only other architectures have."""
        others = owners(option)
        flag = f"--{option.replace('_', '-')}"
        return f"{flag} is of --model {', '.join(others)}, not of {self.name}; leave it out or name one of these models"

    def encoder_with(self, options: Mapping[str, Any]) -> str | None:
        """The name of the encoder of a network with these options, or None."""
        return options.get("encoder") or self.encoder

    def preset_for(self, encoder: str | None, *, drawn: bool = False) -> Mapping[str, Any]:
        """The preset for the encoder that `--encoder` names; `drawn`: on the data set of a command that names none."""
        if encoder is None:
            return self.preset_drawn if drawn and self.preset_drawn is not None else self.preset
        return self.preset_on.get(encoder, self.preset_on.get(ANY_ENCODER, self.preset))


MODELS: Registry[Architecture] = Registry("model", "kseg.models")


def architecture(
    name: str,
    *,
    encoder: str | None = None,
    convolutionized: Mapping[str, str] | None = None,
    preset: Mapping[str, Any] = LAPTOP,
    preset_on: Mapping[str, Mapping[str, Any]] | None = None,
    preset_drawn: Mapping[str, Any] | None = None,
    task: str = DEFAULT_TASK,
    applied: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a function `(image, channels, *, …) -> scores` as the architecture `name`.

    Its keyword-only parameters, with their annotations, defaults and texts under "Args:", are its options: fields of
    `MODELS[name].Options`, flags of `kseg train --model NAME` and keys of [model] in a TOML file.

    Args:
      encoder: of its paper; None if the network has none.
      convolutionized: layer → dense layer of the classification network from which it takes its weights.
      preset: option of the loss, of augmentation or of training → its paper's value.
      preset_on: encoder, or `ANY_ENCODER` → preset that replaces `preset` where `--encoder` names it.
      preset_drawn: preset that replaces `preset` on the data set of a command that names none.
      task: name of the task of its networks.
      applied: own option → its value in the finished network, whatever its value in training; it changes no weight.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        owned = (encoder, convolutionized or {}, preset, preset_on or {}, preset_drawn, task, applied or {})
        MODELS.register(name)(Architecture(name, function, *owned))
        return function

    return register


def model_names() -> tuple[str, ...]:
    """The names that `build` knows."""
    return tuple(MODELS)


def owners(option: str) -> list[str]:
    """The architectures that have an option of their own by this name."""
    return [name for name, entry in MODELS.items() if option in entry.declared]


@functools.cache
def options_class(made_for: tuple[str, str | None], options: tuple[Option, ...]) -> type[ModelOptions]:
    """`ModelOptions` with the architecture's name as a default, and with its own options."""
    model = dataclasses.fields(ModelOptions)[0]
    return dataclasses.make_dataclass(
        "Options",
        [(model.name, str | None, made_for[0]), *(option.field for option in options)],
        bases=(ModelOptions,),
        namespace={
            "own_names": tuple(option.name for option in options),
            "made_for": made_for,
            "__reduce__": reduced,
            "__doc__": ModelOptions.__doc__,
            "__module__": __name__,
        },
        frozen=True,
    )


def reduced(options: ModelOptions) -> tuple[Any, ...]:
    """For pickle: another process rebuilds the generated class from its architecture."""
    return restored, (options.made_for, vars(options))


def restored(made_for: tuple[str, str | None], values: Mapping[str, Any]) -> ModelOptions:
    """Unpickles options."""
    return MODELS[made_for[0]].options_on(made_for[1])(**values)
