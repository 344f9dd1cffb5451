"""Values and gradients of other people's code: the Lovász authors, MONAI, PyTorch, scikit-image."""

import os
from pathlib import Path

import numpy as np
import pytest

from losses.cases import VOID, of_logits


def folder():
    """The folder of reference values: KSEG_ORACLES, or `oracles` beside KSEG_DATA; None if neither is there."""
    named, data = os.environ.get("KSEG_ORACLES"), os.environ.get("KSEG_DATA")
    places = [Path(named)] if named else [Path(data).parent / "oracles"] if data else []
    return next((place for place in places if (place / "reference_seed0.npz").exists()), None)


pytestmark = pytest.mark.skipif(
    folder() is None, reason="no reference values: set KSEG_ORACLES, or KSEG_DATA with oracles/ beside it"
)


@pytest.fixture(params=[0, 1], ids=["seed0", "seed1"])
def reference(request):
    return np.load(folder() / f"reference_seed{request.param}.npz")


SMOOTH = {"classes": "all", "smooth": 1e-5}
BOTH = [("perimage", "image"), ("batch", "batch")]
LOVASZ = [("perimage1", "image"), ("perimage0", "batch")]
CASES = [
    # key, labels, logits, loss, options, factor
    *[(f"lovasz_hinge{v}_{k}", f"binary_labels{v}", "binary_logits", "lovasz", {"pooling": pooling}, 1)
      for v in ("", "_void") for k, pooling in LOVASZ],
    *[(f"lovasz_softmax{v}_{c}_{k}", f"multi_labels{v}", "multi_logits", "lovasz", {"pooling": p, "classes": c}, 1)
      for v in ("", "_void") for c in ("present", "all") for k, p in LOVASZ],
    *[(f"monai_dice_{k}_smooth1e-5", "multi_labels", "multi_logits", "dice", {"pooling": p, **SMOOTH}, 1)
      for k, p in BOTH],
    *[(f"monai_jaccard_{k}_smooth1e-5", "multi_labels", "multi_logits", "iou", {"pooling": p, **SMOOTH}, 1)
      for k, p in BOTH],
    ("monai_tversky_fp0.3_fn0.7_perimage_smooth1e-5", "multi_labels", "multi_logits", "tversky",
     {"alpha": 0.3, "beta": 0.7, **SMOOTH}, 1),
    # MONAI's mean is over classes too
    ("monai_focal_softmax_gamma2_mean", "multi_labels", "multi_logits", "focal", {"gamma": 2.0}, 1 / 6),
    ("torch_cross_entropy_void_mean", "multi_labels_void", "multi_logits", "ce", {"pooling": "batch"}, 1),
]  # fmt: skip


@pytest.mark.parametrize(("key", "labels", "logits", "name", "options", "factor"), CASES, ids=[c[0] for c in CASES])
def test_value_and_gradient(reference, key, labels, logits, name, options, factor):
    import tensorflow as tf

    scores = reference[logits] if reference[logits].ndim == 4 else reference[logits][..., None]
    z = tf.Variable(scores.astype("float32"))
    with tf.GradientTape() as tape:
        value = factor * of_logits(name, **options)(reference[labels], z)
    expected = reference[f"{key}_grad"].reshape(scores.shape)
    assert float(value) == pytest.approx(float(reference[key]), rel=1e-6)
    np.testing.assert_allclose(tape.gradient(value, z).numpy(), expected, rtol=1e-4, atol=3e-6 * np.abs(expected).max())


def test_level_set_energies(reference):
    """scikit-image gives every class, also absent ones: their energy is 0 there and here."""
    labels = reference["multi_labels"]
    expected = reference["level_set_energy_sum_eps0.05_image_class"].sum(axis=1)
    loss = of_logits("level_set", epsilon=0.05, normalize="sum", reduction="none")
    np.testing.assert_allclose(loss(labels, reference["multi_logits"].astype("float32")), expected, rtol=1e-6)
    binary = reference["binary_logits"][..., None].astype("float32")
    np.testing.assert_allclose(
        loss(reference["binary_labels"], binary),
        reference["level_set_binary_energy_sum_eps0.05_image"],
        rtol=1e-6, atol=1e-6,
    )  # fmt: skip
    assert VOID not in labels
