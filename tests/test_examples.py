"""Every `>>>` example of the package gives what it shows, and every public loss, metric, layer and `build` has one."""

import dataclasses
import doctest
import importlib
import inspect
import pkgutil

import pytest

import kseg
from kseg import layers, losses, metrics, models
from kseg.losses import LOSSES
from kseg.losses.catalogue import facts

SHOWN = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def computes(thing) -> bool:
    """Whether it is a function or class of its own, and neither a registry nor a record that a function returns."""
    return callable(thing) and not (
        dataclasses.is_dataclass(thing) or inspect.isclass(thing) and issubclass(thing, tuple)
    )


PUBLIC = {
    "losses.get": losses.get,
    "models.build": models.build,
    **{f"losses.{name}": LOSSES[name].function for name in LOSSES},
    **{
        f"{room.__name__.removeprefix('kseg.')}.{name}": thing
        for room in (metrics, layers)
        for name in room.__all__
        if computes(thing := getattr(room, name))
    },
}


def examples(thing) -> list[doctest.Example]:
    """The examples in the docstring of a function, or of a class and its methods."""
    found = doctest.DocTestFinder().find(thing, thing.__name__, module=inspect.getmodule(thing))
    return [example for test in found for example in test.examples]


def modules_with_examples() -> list[str]:
    """Modules with an example, found in their text so that only they are imported."""
    names = []
    for module in pkgutil.walk_packages(kseg.__path__, "kseg."):
        spec = module.module_finder.find_spec(module.name)  # type: ignore[call-arg]
        if spec and spec.origin and ">>> " in open(spec.origin, encoding="utf-8").read():  # noqa: SIM115
            names.append(module.name)
    return names


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_a_module_give_what_they_show(name):
    outcome = doctest.testmod(importlib.import_module(name), optionflags=SHOWN)
    assert outcome.attempted and not outcome.failed


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_has_an_example(name):
    assert examples(PUBLIC[name])


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_says_where_it_comes_from_and_where_it_fails(name):
    entry = facts(LOSSES[name])
    assert entry.formula and entry.source and entry.deviations and entry.empty_truth and entry.pitfalls
    assert entry.example.startswith(">>>")
    assert not {"Source:", "Pitfalls:", ">>>"} & set(f"{entry.source} {entry.deviations} {entry.pitfalls}".split())
