"""Hypothesis over shapes, classes, void fractions and dtypes: what every loss keeps, wherever it is tried."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from kseg.losses import LOSSES
from losses.cases import OPTIONS, VOID, case_id, of_logits

EXAMPLES = settings(max_examples=6, derandomize=True, deadline=None, database=None)
LABEL_DTYPES = ("uint8", "int32", "int64", "float32")
SCORE_DTYPES = ("float32", "float16", "bfloat16", "float64")
every_loss = pytest.mark.parametrize("name", LOSSES)


@dataclass(frozen=True)
class Batch:
    """A drawn case: options of the loss, labels (N, H, W) and logits (N, H, W, C), float32 until they are asked for."""

    options: dict
    labels: np.ndarray
    logits: np.ndarray
    score_dtype: str

    def __repr__(self):
        return (
            f"Batch({case_id(self.options)}, logits {self.logits.shape} {self.score_dtype}, "
            f"labels {self.labels.dtype}, {np.mean(self.labels == VOID):.0%} void)"
        )


@st.composite
def batches(draw, name):
    """Images of 2 to 9 pixels a side (what the defaults of a loss need at least), 1 to 4 of them, 2 to 5 classes."""
    options = draw(st.sampled_from(OPTIONS[name]))
    several = "multi-class" in LOSSES[name].problems and "class_weights" not in options
    channels = draw(st.sampled_from((1, 2, 3, 5))) if several else 1
    least = options.get("pool", 1) * options.get("size", 3) if name == "rmi" else 2
    images, height, width = draw(st.integers(1, 4)), draw(st.integers(least, 9)), draw(st.integers(least, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    present = draw(st.integers(1, max(2, channels)))  # 1: every pixel is background
    labels = rng.integers(0, present, (images, height, width))
    labels[rng.random(labels.shape) < draw(st.sampled_from((0.0, 0.2, 0.9, 1.0)))] = VOID
    logits = draw(st.sampled_from((0.0, 1.0, 20.0))) * rng.normal(size=(images, height, width, channels))
    return Batch(
        options, labels.astype(draw(st.sampled_from(LABEL_DTYPES))), logits.astype("float32"),
        draw(st.sampled_from(SCORE_DTYPES)),
    )  # fmt: skip


def values(name, case, labels=None, logits=None):
    """float32 (N,), or (1,) for a loss pooled over the batch."""
    loss = of_logits(name, reduction="none", **case.options)
    scores = ops.cast(case.logits if logits is None else logits, case.score_dtype)
    return ops.convert_to_numpy(loss(case.labels if labels is None else labels, scores))


@every_loss
def test_finite_and_within_bounds(name):
    low, high = LOSSES[name].bounds

    @EXAMPLES
    @given(batches(name))
    def holds(case):
        found = values(name, case)
        assert found.dtype == np.float32
        assert len(found) == (1 if case.options.get("pooling") == "batch" else len(case.labels))
        assert np.isfinite(found).all()
        assert found.min() >= low - 1e-5
        assert found.max() <= high + 1e-5

    holds()


@every_loss
def test_images_in_another_order_have_their_values_in_that_order(name):
    @EXAMPLES
    @given(batches(name), st.randoms(use_true_random=False))
    def holds(case, random):
        order = list(range(len(case.labels)))
        random.shuffle(order)
        found, shuffled = values(name, case), values(name, case, case.labels[order], case.logits[order])
        expected = found if case.options.get("pooling") == "batch" else found[order]
        np.testing.assert_allclose(shuffled, expected, rtol=1e-5, atol=1e-6)

    holds()


@every_loss
def test_what_lies_under_void_is_not_read(name):
    @EXAMPLES
    @given(batches(name), st.sampled_from((np.nan, np.inf, -np.inf, 6e4, -7.0)))
    def holds(case, garbage):
        scrambled = np.where((case.labels == VOID)[..., None], np.float32(garbage), case.logits)
        np.testing.assert_array_equal(values(name, case, logits=scrambled), values(name, case))

    holds()
