"""Distances between outlines against loops, SciPy, scikit-image and values of MONAI."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import metrics_outlines as oracle
from scipy import ndimage

import kseg.metrics as m
from kseg.errors import UsageError


def blobs(seed, shape=(14, 17), void_share=0.0):
    """Two similar ragged masks that reach the image's edge now and then, and which pixels are valid."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=shape), 2)
    truth = field > np.quantile(field, 0.6)
    prediction = (field + ndimage.gaussian_filter(rng.normal(size=shape), 2) * 0.5) > np.quantile(field, 0.6)
    valid = rng.random(shape) >= void_share
    return truth, prediction, valid


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), void_share=st.sampled_from([0.0, 0.1, 0.5]), tolerance=st.sampled_from([0, 1, 1.5]))
def test_everything_equals_the_loops(seed, void_share, tolerance):
    truth, prediction, valid = blobs(seed, void_share=void_share)
    spacing = (1.5, 0.5)
    labels = np.where(valid, truth, 255).astype(np.uint8)
    a, b = oracle.outline(truth, valid), oracle.outline(prediction, valid)
    if a and b:
        close = {"rel": 1e-12}
        assert m.hausdorff_distance(labels, prediction) == pytest.approx(oracle.hausdorff(a, b, 95), **close)
        assert m.hausdorff_distance(labels, prediction, percentile=100, spacing=spacing) == pytest.approx(
            oracle.hausdorff(a, b, 100, spacing), **close
        )
        assert m.average_surface_distance(labels, prediction, spacing=spacing) == pytest.approx(
            oracle.average_surface(a, b, spacing), **close
        )
        assert m.normalized_surface_distance(labels, prediction, tolerance=tolerance) == pytest.approx(
            oracle.surface_dice(a, b, tolerance), **close
        )
    c, d = (oracle.outline(mask, valid, border=False) for mask in (truth, prediction))
    if c and d:
        assert m.boundary_f(labels, prediction, tolerance=tolerance) == pytest.approx(
            oracle.outline_f(c, d, tolerance), rel=1e-12
        )
    for width in (1, 2, 3):
        assert m.boundary_iou(labels, prediction, width=width) == pytest.approx(
            oracle.band_iou(truth, prediction, valid, width), rel=1e-12
        )


def test_squares_by_hand():
    # two 4×4 squares, one column apart, 12 outline pixels each
    truth, prediction = np.zeros((2, 10, 10), int)
    truth[3:7, 3:7] = 1
    prediction[3:7, 4:8] = 1
    assert m.hausdorff_distance(truth, prediction, percentile=100) == 1
    # of each outline, 3 of 4 pixels of the top and bottom rows lie on the other (6 zeros); the rows' last pixels and
    # the 4 inner pixels of the side columns lie 1 from it (6 ones)
    assert m.average_surface_distance(truth, prediction) == (6 * 1 + 6 * 1) / 24
    assert m.normalized_surface_distance(truth, prediction, tolerance=0) == 12 / 24
    assert m.normalized_surface_distance(truth, prediction, tolerance=1) == 1
    # bands of width 1 are the outlines themselves here: 6 in common of 12 + 12 − 6
    assert m.boundary_iou(truth, prediction, width=1) == 6 / 18
    assert m.boundary_f(truth, prediction, tolerance=1) == 1
    assert m.boundary_f(truth, prediction, tolerance=0) == 0.5


def test_scikit_image_agrees_on_the_hausdorff_distance():
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is an optional witness")
    for seed in range(5):
        truth, prediction, _ = blobs(seed, (40, 50))
        # scikit-image takes the points themselves, so it is handed the outlines
        outlines = [mask & ~ndimage.binary_erosion(mask) for mask in (truth, prediction)]
        assert m.hausdorff_distance(truth, prediction, percentile=100) == pytest.approx(
            metrics.hausdorff_distance(*outlines), rel=1e-12
        )


def test_scipy_distance_transforms_agree():
    for seed in range(5):
        truth, prediction, _ = blobs(seed, (60, 45))
        outlines = [mask & ~ndimage.binary_erosion(mask) for mask in (truth, prediction)]
        maps = [ndimage.distance_transform_edt(~outline, sampling=(2.0, 0.7)) for outline in outlines]
        found = m.surface_distances(truth, prediction, spacing=(2.0, 0.7))
        np.testing.assert_allclose(found.to_truth, maps[0][outlines[1]], rtol=1e-12)
        np.testing.assert_allclose(found.to_prediction, maps[1][outlines[0]], rtol=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
def test_monai_agrees(seed):
    reference = np.load(oracle_folder() / f"reference_seed{seed}.npz")
    truth, prediction = reference["blob_true"], reference["blob_pred"]
    assert m.hausdorff_distance(truth, prediction) == pytest.approx(float(reference["monai_hd95"]), rel=1e-6)
    assert m.average_surface_distance(truth, prediction) == pytest.approx(float(reference["monai_assd"]), rel=1e-6)


def oracle_folder():
    folder = os.environ.get("KSEG_ORACLES")
    if folder is None and os.environ.get("KSEG_DATA"):
        folder = Path(os.environ["KSEG_DATA"]).parent / "oracles"
    if folder is None or not Path(folder).is_dir():
        pytest.skip("reference values: set KSEG_ORACLES, or KSEG_DATA with a folder oracles beside it")
    return Path(folder)


EMPTY, FULL = np.zeros((6, 8), int), np.ones((6, 8), int)


@pytest.mark.parametrize(
    ("score", "both_empty", "one_empty"),
    [
        (m.hausdorff_distance, 0, np.inf),
        (m.average_surface_distance, 0, np.inf),
        (lambda t, p: m.normalized_surface_distance(t, p, tolerance=1), 1, 0),
        (m.boundary_iou, 1, 0),
        (m.boundary_f, 1, 0),
        (lambda t, p: m.boundary_f(t, p, at_image_border=True), 1, 0),
    ],
)
def test_empty_masks(score, both_empty, one_empty):
    assert score(EMPTY, EMPTY) == both_empty
    assert score(EMPTY, FULL) == score(FULL, EMPTY) == one_empty
    assert score(np.full((6, 8), 255), FULL) == both_empty  # all void: nothing to compare, nothing wrong
    assert score(FULL, FULL) == both_empty  # a perfect prediction


def test_void_hides_what_is_left_of_a_mask():
    """A mask under void alone is empty: against a full prediction elsewhere, that is a miss, not agreement."""
    truth = FULL.copy()
    truth[:3] = 255
    below, above = FULL.copy(), FULL.copy()
    below[:3], above[3:] = 0, 0
    assert m.boundary_f(truth, below) == 1
    assert m.boundary_f(truth, above) == 0


def test_widths_may_be_numpys():
    truth, prediction, _ = blobs(4)
    assert m.boundary_iou(truth, prediction, width=np.int8(2)) == m.boundary_iou(truth, prediction, width=2)


def test_missing_can_be_a_number():
    assert m.hausdorff_distance(EMPTY, FULL, missing=np.hypot(6, 8)) == 10


def test_void_pixels_may_hold_anything():
    truth, prediction, valid = blobs(3, void_share=0.3)
    labels = np.where(valid, truth, 255)
    scrambled = np.where(valid, prediction, np.random.default_rng(0).integers(0, 2, truth.shape))
    for score in (
        m.hausdorff_distance, m.average_surface_distance, m.boundary_iou, m.boundary_f,
        lambda t, p: m.normalized_surface_distance(t, p, tolerance=1),
    ):  # fmt: skip
        assert score(labels, prediction.astype(int)) == score(labels, scrambled)


def test_other_classes_and_dataset_counts():
    truth, prediction, _ = blobs(4)
    assert m.boundary_iou(truth * 3, prediction * 3, label=3) == m.boundary_iou(truth, prediction)
    counts = m.boundary_counts(truth, prediction)
    assert counts[0] / counts[1] == m.boundary_iou(truth, prediction)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: m.hausdorff_distance(EMPTY[None], EMPTY[None]), r"label map \(H, W\)"),
        (lambda: m.hausdorff_distance(EMPTY, EMPTY * 0.5), "float64"),
        (lambda: m.hausdorff_distance(EMPTY, EMPTY[:3]), "different shapes"),
        (lambda: m.hausdorff_distance(EMPTY, EMPTY, percentile=0), "percentile"),
        (lambda: m.hausdorff_distance(EMPTY, EMPTY, spacing=(1, 0)), "spacing"),
        (lambda: m.normalized_surface_distance(EMPTY, EMPTY, tolerance=-1), "tolerance"),
        (lambda: m.boundary_iou(EMPTY, EMPTY, width=0), "width .* at least 1"),
        (lambda: m.boundary_iou(EMPTY, EMPTY, width=1.5), "whole number, received 1.5"),
        (lambda: m.boundary_iou(EMPTY, EMPTY, ratio=-1), "ratio .* received -1"),
        (lambda: m.boundary_f(EMPTY, EMPTY, ratio=np.nan), "ratio .* received nan"),
        (lambda: m.boundary_f(EMPTY, EMPTY, tolerance=-1), "tolerance"),
    ],
)
def test_senseless_arguments_are_refused(call, words):
    with pytest.raises(UsageError, match=words):
        call()
