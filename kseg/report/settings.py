"""The settings that a run made use of, without the options of other data sets and models."""

from collections.abc import Callable, Mapping
from typing import Any

from kseg.datasets import DATASETS
from kseg.datasets.opening import own_options
from kseg.models import MODELS
from kseg.pipeline.augmentation import OFF
from kseg.training.config import WITH_EPSILON

Group = Mapping[str, Any]

GROUPS = ("data", "model", "loss", "augment", "training")

DEPENDENT: dict[str, Callable[[Mapping[str, Group]], bool]] = {
    "momentum": lambda config: config["training"].get("optimizer") in ("sgd", "rmsprop"),
    "epsilon": lambda config: config["training"].get("optimizer") in WITH_EPSILON,
    "l2_decay": lambda config: config["training"].get("optimizer") == "sgd",
    "poly_power": lambda config: config["training"].get("schedule") == "poly",
    "border_weight": lambda config: config["loss"].get("pixel_weights") == "border",
    "border_sigma": lambda config: config["loss"].get("pixel_weights") == "border",
}
"""Option → whether it applies, for options that depend on the value of another option."""


def applicable(config: Mapping[str, Group]) -> dict[str, dict[str, Any]]:
    """The groups of a config.json, each with the options that apply to the run.

    Left out are the options of other data sets, architectures, optimizers and schedules, and augmentation that is off.
    """
    config = {group: config.get(group, {}) for group in GROUPS}
    foreign = _of_other_datasets(config["data"].get("dataset")) | _of_other_models(config["model"])
    foreign |= {name for name, applies in DEPENDENT.items() if not applies(config)}
    foreign.add("preset")  # the options that it chose are shown themselves
    off = {name: list(value) if isinstance(value, tuple) else value for name, value in OFF.items()}
    shown = {
        group: {
            name: value
            for name, value in config[group].items()
            if name not in foreign and not (group == "augment" and value == off.get(name))
        }
        for group in GROUPS
    }
    if config["augment"] and not shown["augment"]:
        shown["augment"] = {"augment": "none"}
    return {group: values for group, values in shown.items() if values}


def _of_other_datasets(name: Any) -> set[str]:
    if name not in DATASETS:
        return set()
    kinds = [kind.Options for kind in DATASETS.values()]
    return {option for kind in kinds for option in own_options(kind)} - set(own_options(DATASETS[name].Options))


def _of_other_models(model: Group) -> set[str]:
    name = model.get("model")
    if not isinstance(name, str) or name not in MODELS:
        return set()
    options = {option for other in MODELS.values() for option in other.options} - set(MODELS[name].options)
    return options | ({"weights", "trainable_from"} if MODELS[name].encoder_with(model) is None else set())
