"""What every loss is worth where the truth is empty: the values that its docstring states."""

import inspect
import math
import re

import numpy as np
import pytest
from keras import ops

from kseg.losses import LOSSES
from losses.cases import OPTIONS, of_logits

SIDE, LOGIT = 12, 20.0
SYMBOLS = {
    "s": "smooth", "α": "alpha", "β": "beta", "δ": "delta", "λ": "weight", "r": "weight", "ε": ("epsilon", "ridge"),
}  # fmt: skip
STATED = re.compile(r"Empty truth: (.+?) for an empty prediction, (.+?) for a full one\b")


def stated(name, **options):
    """The two values in the docstring of a loss, by its own symbols; n pixels, z the logit of a full prediction."""
    text = " ".join((inspect.getdoc(LOSSES[name].function) or "").split())
    found = STATED.search(text)
    assert found, f"the docstring of {name} does not say what an empty truth gives"
    settings = {**LOSSES[name].defaults(), **options}
    known = {"n": SIDE * SIDE, "z": LOGIT, "log": math.log, "log_cosh": lambda x: math.log(math.cosh(x))}
    for symbol, names in SYMBOLS.items():
        for option in (names,) if isinstance(names, str) else names:
            if option in settings:
                known[symbol] = settings[option]
    plain = [part.replace("·", "*").replace("−", "-").replace("log cosh", "log_cosh") for part in found.groups()]
    return tuple(float(eval(part, {"__builtins__": {}}, known)) for part in plain)


def value(name, logits, **options):
    labels = np.zeros(logits.shape[:3], "uint8")
    return float(of_logits(name, **options)(labels, logits.astype("float32")))


BINARY = [(name, options) for name in LOSSES for options in (OPTIONS[name] if name != "rmi" else [{}, {"ridge": 0.01}])]
SAID_FOR_DEFAULTS = ("label_smoothing", "class_weights", "smooth")
"""Options that change what is stated: iou's line, for one, speaks of s = 0 first."""


@pytest.mark.parametrize(
    ("name", "options"), [case for case in BINARY if not any(option in case[1] for option in SAID_FOR_DEFAULTS)]
)
def test_docstrings_state_the_values_of_an_empty_and_a_full_prediction(name, options):
    empty, full = stated(name, **options)
    picture = np.full((1, SIDE, SIDE, 1), LOGIT)
    assert value(name, -picture, **options) == pytest.approx(empty, abs=1e-5)
    assert value(name, picture, **options) == pytest.approx(full, rel=1e-5, abs=1e-5)


AVERAGED = [name for name in LOSSES if "classes" in LOSSES[name].options and "multi-class" in LOSSES[name].problems]


@pytest.mark.parametrize("name", [name for name in AVERAGED if name != "combo"])
def test_absent_classes_are_left_out_or_count_as_an_empty_truth(name):
    """Of the probabilities of 3 classes and a truth of background; lovasz has its largest p_c there."""
    rng = np.random.default_rng(0)
    p = ops.convert_to_numpy(ops.softmax(0.5 * rng.normal(size=(1, SIDE, SIDE, 3)), axis=-1))
    options = {"from_logits": False}
    log = name == "log_cosh_dice"  # of the mean over classes
    one = "dice" if log else name
    alone = [p[..., c].max() if name == "lovasz" else value(one, p[..., c : c + 1], **options) for c in (1, 2)]
    everything = float(np.mean([value(one, p, **options), *alone]))
    assert value(name, p, classes="all", **options) == pytest.approx(
        math.log(math.cosh(everything)) if log else everything, rel=1e-4
    )
