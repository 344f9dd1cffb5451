"""What options may be, and that nothing else gets as far as training."""

import keras
import numpy as np
import pytest

from kseg.errors import UsageError
from kseg.losses import LOSSES, WeightedSum, get
from kseg.losses.base import SegmentationLoss
from losses.cases import every_case

REFUSED = [
    "topk_ce(fraction=9)", "topk_ce(fraction=0)", "topk_ce(threshold=0)", "topk_ce(threshold=1.5)",
    "topk_ce(threshold='half')", "ce(class_weights='ab')", "ce(class_weights=3)", "ce(class_weights=())",
    "ce(class_weights=(1e999, 1))", "ce(class_weights=(-1, 1))", "focal(class_weights=(1, 'a'))",
    "ce(label_smoothing=2)", "ce(label_smoothing=1)", "bce(label_smoothing=-0.1)", "focal(gamma=-1)",
    "focal_tversky(gamma=0)", "focal_tversky(gamma=-1)", "poly_ce(epsilon=-5)", "combo(alpha=3)", "combo(beta=-0.1)",
    "unified_focal(gamma=1.5)", "unified_focal(gamma=1)", "unified_focal(delta=2)", "unified_focal(weight=-1)",
    "unified_focal(symmetric=1)", "sensitivity_specificity(weight=7)", "tversky(alpha=-1)", "tversky(beta=-1)",
    "tversky(smooth=-1)", "iou(smooth=-1)", "dice(smooth=-1)", "dice(squared='no')", "dice(squared=None)",
    "dice(smooth=None)", "dice(smooth=True)", "dice(smooth=1e999)", "dice(smooth=1e39)", "log_cosh_dice(smooth=-1)",
    "cldice(iterations=-1)", "cldice(iterations=2.5)", "cldice(smooth=-1)", "rmi(pool=0)", "rmi(size=0)",
    "rmi(size=2.5)", "rmi(ridge=-1)", "rmi(ridge=0)", "adaptive(radius=1.5)", "adaptive(radius=-1)",
    "adaptive(sigma=0)", "adaptive(power=0.5)", "mumford_shah(length=-1)", "hausdorff(power=-1)",
    "level_set(epsilon=0)", "level_set(heaviside=3)", "loss_max_pooling(p=1)", "loss_max_pooling(fraction=0)",
    "jml(variant='jml3')", "iou(classes='some')",
]  # fmt: skip
BOUNDARIES = [
    "topk_ce(fraction=1)", "topk_ce(fraction=1e-6, threshold=None)", "topk_ce(threshold=0.999)",
    "ce(class_weights=(0, 1))", "ce(label_smoothing=0.999)", "focal(gamma=0)", "focal_tversky(gamma=0.1, smooth=0)",
    "poly_ce(epsilon=-1)", "combo(alpha=0, beta=1)", "combo(alpha=1, beta=0)", "unified_focal(gamma=0, delta=0)",
    "unified_focal(weight=1, delta=1, symmetric=True)", "sensitivity_specificity(weight=0)",
    "sensitivity_specificity(weight=1)", "tversky(alpha=0, beta=0)", "dice(smooth=0)", "cldice(iterations=0, smooth=0)",
    "rmi(pool=1, size=1, ridge=1e-9)", "rmi(size=3.0)", "adaptive(radius=0, power=1)", "mumford_shah(length=0)",
    "hausdorff(power=0)", "loss_max_pooling(p=1.01, fraction=1)", "level_set(epsilon=1e-9)",
]  # fmt: skip


@pytest.mark.parametrize("spec", REFUSED)
def test_out_of_range_is_refused_when_the_loss_is_made(spec):
    """One sentence with the loss, the option and its value, and what is wanted."""
    name, option = spec.split("(")[0], spec.split("(")[1].split("=")[0]
    with pytest.raises(UsageError) as refusal:
        get(spec)
    sentence = str(refusal.value)
    assert name in sentence and option in sentence and "\n" not in sentence
    assert "is wanted" in sentence or "valid: " in sentence


@pytest.mark.parametrize("spec", BOUNDARIES)
def test_the_ends_of_a_range_are_in_it(spec):
    assert isinstance(get(spec), SegmentationLoss)


def test_the_sentence_says_range_and_default():
    with pytest.raises(
        UsageError, match=r"loss 'topk_ce' got fraction=9; a number above 0 and up to 1 is wanted, .*0\.25"
    ):
        get("topk_ce(fraction=9)")
    with pytest.raises(UsageError, match="got iterations=2.5; a whole number from 0 up is wanted, such as 3"):
        get("cldice(iterations=2.5)")
    with pytest.raises(UsageError, match="got threshold=0; None, or a number between 0 and 1 is wanted$"):
        get("topk_ce(threshold=0)")


@pytest.mark.parametrize(("name", "problem", "options"), every_case(every_option=True))
def test_defaults_and_what_the_contract_tries_are_in_range(name, problem, options):
    loss = LOSSES[name](**{**LOSSES[name].defaults(), **options})
    assert {**LOSSES[name].defaults(), **options}.items() <= loss.get_config().items()


@pytest.mark.parametrize("name", LOSSES)
def test_every_number_has_a_range(name):
    """An option that is annotated with a bare number, or with nothing, would take anything."""
    annotations = LOSSES[name].function.__annotations__
    assert not [option for option in LOSSES[name].options if annotations.get(option) in (None, float, int)]


def test_values_from_numpy_are_kept_as_plain_ones():
    loss = get("ce", class_weights=np.array([1.0, 3.0]), label_smoothing=np.float32(0.5), void=np.uint8(9))
    assert str(WeightedSum([(2, loss)])) == "2*ce(label_smoothing=0.5, class_weights=(1.0, 3.0))"
    assert keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss)).void == 9


@pytest.mark.parametrize(
    ("common", "says"),
    [
        ({"void": 1.5}, "got void=1.5; a label is a whole number"),
        ({"void": "sky"}, "got void='sky'"),
        ({"void": True}, "got void=True"),
        ({"from_logits": "no"}, "got from_logits='no'; True or False is wanted"),
    ],
)
def test_what_every_loss_has_is_checked_too(common, says):
    with pytest.raises(UsageError, match=says):
        get("ce", **common)
