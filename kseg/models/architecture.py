"""What every architecture is: a function, the encoder inside, the options of its signature, its paper's settings."""

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
    # Not from a paper: found on LFW (see the README's results for what it reaches).
    "optimizer": "adam",
    "learning_rate": 2e-3,
    "schedule": "poly",
    "batch_size": 16,
    "epochs": 14,
    "patience": 20,
    "loss_reduction": "mean",
}
"""What an architecture trains with that names no preset."""

FINE_TUNED: dict[str, Any] = {**LAPTOP, "layer_rates": ("encoder=0.1",)}
"""LAPTOP where a whole encoder is trained: at the full rate its features moved faster than the statistics of the layers
behind it, and validation saw noise (DeepLab v3+ on CamVid: training accuracy 0.81, validation 0.16)."""

ANY_ENCODER = "*"
"""In `preset_on`: every encoder that it does not name, those registered later included."""


class Answers(NamedTuple):
    """What a network of another task than the default one gives of an image, by name."""

    users: dict[str, Any]
    """KerasTensors, in the units that users want"""
    training: dict[str, Any]
    """what the loss reads beside them"""


@dataclass(frozen=True)
class Architecture:
    """A family of networks: `function(image, channels, **options)` gives scores (N, ≥ H, ≥ W, channels) of an image.

    Of another task than the default one it gives `Answers`, and is told the number of classes, background included, in
    place of channels; of the task "panoptic" also `things`, the ids of those of which there are objects. The scores are
    logits whose top left H × W belong to the image; `build` crops them and applies the activation. A network that is
    asked for fewer scores than pixels (`unet2015` with borders cropped) has those of the center.
    """

    name: str
    function: Callable[..., Any]
    encoder: str | None
    """name of the encoder inside unless its option `encoder` names another; None if the network has none of itself"""
    convolutionized: Mapping[str, str] = field(default_factory=dict)
    """layer → dense layer of the classification network that it descends from"""
    preset: Mapping[str, Any] = field(default_factory=lambda: LAPTOP)
    """option of the loss, of augmentation or of training → its paper's value"""
    preset_on: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """encoder, or `ANY_ENCODER` → what takes the place of `preset` where `--encoder` names it"""
    task: str = DEFAULT_TASK
    """name of the question about an image that its networks answer (`kseg.tasks`)"""
    applied: Mapping[str, Any] = field(default_factory=dict)
    """own option → the value that the finished network has, whatever training had; it changes no weight"""

    def __call__(self, image, channels: int, **options) -> Any:
        return self.function(image, channels, **options)

    @cached_property
    def declared(self) -> dict[str, Option]:
        """The options of the signature, each with its annotation, default and text."""
        return {name: self._written_out(option) for name, option in declared(self.function).items()}

    def _written_out(self, option: Option) -> Option:
        """The option with its text in full, where the docstring says "as in `fcn32s`"."""
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
        """`Options` on an encoder that `--encoder` names, and that may have options too."""
        return options_class((self.name, encoder), (*self.declared.values(), *self.of_encoder(encoder).values()))

    def of_encoder(self, encoder: str | None) -> Mapping[str, Option]:
        """The options of the encoder, where the architecture lets one choose."""
        if encoder is None or "encoder" not in self.declared:
            return {}
        from kseg.encoders import ENCODERS

        return ENCODERS[encoder].declared

    def adopt(self, given: ModelOptions) -> Any:
        """The same options as this architecture's. Raises: UsageError where one is given that it does not have."""
        kind = self.options_on(given.given.get("encoder"))
        for name in given.given:
            if name not in kind.own_names:
                raise UsageError(self.refusal(name))
        return kind(**{**given.general, "model": self.name}, **given.given)

    def refusal(self, option: str) -> str:
        """The sentence for an option that others have and this architecture has not."""
        others = owners(option)
        flag = f"--{option.replace('_', '-')}"
        return f"{flag} is of --model {', '.join(others)}, not of {self.name}; leave it out or name such a model"

    def encoder_with(self, options: Mapping[str, Any]) -> str | None:
        """The name of the encoder that a network with these options has; None if it has none."""
        return options.get("encoder") or self.encoder

    def preset_for(self, encoder: str | None) -> Mapping[str, Any]:
        """The settings it trains with on the encoder that `--encoder` names."""
        if encoder is None:
            return self.preset
        return self.preset_on.get(encoder, self.preset_on.get(ANY_ENCODER, self.preset))


MODELS: Registry[Architecture] = Registry("model", "kseg.models")


def architecture(
    name: str,
    *,
    encoder: str | None = None,
    convolutionized: Mapping[str, str] | None = None,
    preset: Mapping[str, Any] = LAPTOP,
    preset_on: Mapping[str, Mapping[str, Any]] | None = None,
    task: str = DEFAULT_TASK,
    applied: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a function `(image, channels, *, …) -> scores` as the architecture `name`.

    Its keyword-only parameters, with their annotations, defaults and texts under "Args:", are its options: fields of
    `MODELS[name].Options`, flags of `kseg train --model NAME` and keys of [model] in a TOML file.

    Args:
      encoder: of its paper; None if the network has none.
      convolutionized: layer → dense layer of the classification network that it descends from.
      preset: option of the loss, of augmentation or of training → its paper's value.
      preset_on: encoder, or `ANY_ENCODER` → what takes the place of `preset` where `--encoder` names it.
      task: name of the question about an image that its networks answer.
      applied: own option → the value that the finished network has, whatever training had; it changes no weight.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        owned = (encoder, convolutionized or {}, preset, preset_on or {}, task, applied or {})
        MODELS.register(name)(Architecture(name, function, *owned))
        return function

    return register


def model_names() -> tuple[str, ...]:
    """The names that `build` knows."""
    return tuple(MODELS)


def owners(option: str) -> list[str]:
    """The architectures that have an option by themselves."""
    return [name for name, entry in MODELS.items() if option in entry.declared]


@functools.cache
def options_class(made_for: tuple[str, str | None], options: tuple[Option, ...]) -> type[ModelOptions]:
    """`ModelOptions` with the architecture's name for a default, and with its own options."""
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
    """For pickle: a class made of a signature is found again by its architecture, in another process too."""
    return restored, (options.made_for, vars(options))


def restored(made_for: tuple[str, str | None], values: Mapping[str, Any]) -> ModelOptions:
    """Options as they were pickled."""
    return MODELS[made_for[0]].options_on(made_for[1])(**values)
