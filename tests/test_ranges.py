"""Every number that a person may give has a range, and a number outside of it is refused with a sentence."""

import dataclasses
import math
import re
from functools import partial
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from kseg.datasets import DATASETS, data_options
from kseg.errors import UsageError
from kseg.models import MODELS
from kseg.pipeline import Augmentation
from kseg.ranges import Range, check_ranges
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions, from_json

GROUPS: dict[str, Any] = {"model": MODELS["unet"].Options, "loss": LossOptions, "training": TrainingOptions}
GROUPS["augment"] = Augmentation


def number_in(hint):
    """(int or float, how many) of a field that holds numbers; None of any other."""
    if hint in (int, float):
        return hint, 1
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated or origin is Union or type(hint).__name__ == "UnionType":
        return next((found for part in parts if (found := number_in(part))), None)
    if origin is tuple and (found := number_in(parts[0])):
        return found[0], sum(part is not Ellipsis for part in parts)
    assert origin in (None, Literal, tuple)
    return None


GROUPS |= {f"data of {name}": partial(data_options, name) for name in DATASETS}


def kind_of(group):
    return type(GROUPS[group]())


NUMBERS = [
    (group, field.name, *found)
    for group in GROUPS
    for field in dataclasses.fields(kind_of(group))
    if (found := number_in(get_type_hints(kind_of(group))[field.name]))
]
ABSURD = {int: (10**30, -(10**30), 2**40), float: (math.nan, math.inf, -math.inf, 1e300, -1e300)}


@pytest.mark.parametrize(("group", "name", "kind", "count"), NUMBERS, ids=lambda part: getattr(part, "__name__", None))
def test_absurd_numbers_are_refused_however_they_arrive(group, name, kind, count):
    of, _, dataset = group.partition(" of ")
    named = {"dataset": dataset} if dataset else {}
    for value in ABSURD[kind]:
        given = (value,) * count if count > 1 or "tuple" in str(get_type_hints(kind_of(group))[name]) else value
        with pytest.raises(UsageError, match=rf"{name.replace('_', '.')} is "):
            GROUPS[group](**{name: given})
        with pytest.raises(UsageError):
            from_json({of: {**named, name: list(given) if isinstance(given, tuple) else given}})


def test_the_walk_finds_the_numbers():
    names = {name for _, name, _, _ in NUMBERS}
    assert {"seed", "void", "image_size", "learning_rate", "split_sizes", "crop", "limit"} <= names and len(names) > 30


@pytest.mark.parametrize(
    ("group", "change", "words"),
    [
        (
            "training",
            {"seed": -1},
            "--seed is -1; it must be at least 0 and at most 4294967295, such as",
        ),
        ("training", {"clip_norm": 0.0}, "--clip-norm is 0; it must be above 0, or left out"),
        ("training", {"poly_power": -1.0}, "--poly-power is -1; it must be above 0"),
        ("training", {"batch_size": 0}, "--batch-size is 0; it must be at least 1"),
        ("training", {"batch_size": 10**9}, "--batch-size is 1000000000; it must be at least 1 and at most 1000000"),
        ("training", {"ema": 1.0}, "--ema is 1; it must be above 0 and below 1"),
        ("training", {"l2_decay": -1.0}, "--l2-decay is -1; it must be at least 0"),
        ("training", {"accumulate": 0}, "--accumulate is 0"),
        ("training", {"momentum": 1.0}, "--momentum is 1; it must be at least 0 and below 1"),
        ("model", {"image_size": (64, 0)}, "--image-size is 64 0; it must be at least 32"),
        ("model", {"image_size": (10**6, 10**6)}, "--image-size is 1000000 1000000; .* at most 16384"),
        ("model", {"base_width": 0}, "--base-width is 0; it must be at least 1"),
        ("loss", {"border_sigma": 0.0}, "--border-sigma is 0; it must be above 0, such as the default, 5"),
        ("data of lfw", {"limit": 0}, "--limit is 0; it must be at least 1"),
        ("data of voc", {"data_seed": -3}, "--data-seed is -3; it must be at least 0"),
        ("data of folder", {"classes": ("a", "b", "a")}, "--classes names a more than once"),
        ("training", {"epochs": 10**400}, "--epochs is a number of more than 18 digits"),
    ],
)
def test_numbers_outside_of_their_range(group, change, words):
    with pytest.raises(UsageError, match=words):
        GROUPS[group](**change)


def test_every_field_s_default_is_in_range():
    check_ranges(TrainConfig())


def test_commands_are_checked_field_by_field():
    @dataclasses.dataclass
    class Command:
        tiles: Annotated[int, Range(least=1)] = 1
        threshold: float = 0.5
        seen: bool = True

    check_ranges(Command())
    with pytest.raises(UsageError, match=re.escape("--tiles is 0; it must be at least 1, such as the default, 1")):
        check_ranges(Command(tiles=0))
    with pytest.raises(UsageError, match="--threshold is nan; it must be a finite number of ordinary size"):
        check_ranges(Command(threshold=math.nan))
