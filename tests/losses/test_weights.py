"""Weights of images and of pixels: which shapes are meant, and what a weight of 0 leaves."""

import inspect

import numpy as np
import pytest
from keras import ops
from pytest import approx

from kseg.errors import UsageError
from kseg.losses import LOSSES
from losses.cases import batch, case_id, every_case, of_logits

WEIGHS_PIXELS = [
    case
    for case in every_case(every_option=True)
    if "pixel_weight" in inspect.signature(LOSSES[case[0]].function).parameters
]


@pytest.mark.parametrize(
    "shape", [(4, 8, 1), (1, 8, 8), (3, 8, 8), (4, 8, 7), (4, 8, 8, 2), (3,), (1,), (3, 1), (4, 8)]
)
@pytest.mark.parametrize("pooling", ["image", "batch"])
def test_weights_of_another_size_are_refused(shape, pooling):
    labels, logits = np.zeros((4, 8, 8)), np.zeros((4, 8, 8, 1), "float32")
    with pytest.raises(UsageError) as refusal:
        of_logits("ce", pooling=pooling)(labels, logits, np.ones(shape))
    assert str(shape) in str(refusal.value) and "give (N,) per image" in str(refusal.value)


@pytest.mark.parametrize("shape", [(), (4,), (4, 1), (4, 8, 7), (4, 8, 7, 1)])
@pytest.mark.parametrize("pooling", ["image", "batch"])
def test_weights_that_are_meant_weigh(shape, pooling):
    labels, logits = batch("binary", size=(8, 7))
    weighted = of_logits("ce", pooling=pooling)(labels, logits, np.full(shape, 2.0))
    assert float(weighted) == approx(2.0 * float(of_logits("ce", pooling=pooling)(labels, logits)), rel=1e-5)
    assert float(of_logits("ce")(labels.tolist(), logits.tolist(), np.full(shape, 2.0))) > 0.0


@pytest.mark.parametrize(("name", "problem", "options"), WEIGHS_PIXELS, ids=case_id)
def test_an_image_without_weight_is_like_one_without_a_valid_pixel(name, problem, options):
    import tensorflow as tf

    labels, logits = batch(problem)
    pixels = np.ones(labels.shape, "float32")
    pixels[0] = 0.0
    if options.get("pooling") == "batch":
        pixels[:] = 0.0
    z = tf.Variable(logits.astype("float32"))
    with tf.GradientTape() as tape:
        values = of_logits(name, reduction="none", **options)(labels, z, pixels)
        total = ops.sum(values)
    assert float(values[0]) == 0.0
    gradient = tape.gradient(total, z).numpy()
    assert np.isfinite(gradient).all() and not gradient[0].any()


@pytest.mark.parametrize("name", ["iou", "dice", "tversky", "jml", "lovasz"])
def test_a_class_without_weight_is_like_a_class_that_is_absent(name):
    labels, logits = batch("multi-class")
    labels, logits = labels[:1], logits[:1].astype("float32")
    weight = np.where(labels == 2, 0.0, 1.0)
    void = np.where(labels == 2, 255, labels)
    assert float(of_logits(name)(labels, logits, weight)) == approx(float(of_logits(name)(void, logits)), rel=1e-5)
