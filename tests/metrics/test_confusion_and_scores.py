"""The matrix and every score of it against loops over single pixels."""

import numpy as np
import pycocotools.mask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import metrics_pixels as oracle

import kseg.metrics as m
from kseg.errors import UsageError


def label_maps(seed, num_classes, shape=(3, 5, 7), void_share=0.2, absent=()):
    rng = np.random.default_rng(seed)
    ids = [c for c in range(num_classes) if c not in absent]
    truth, prediction = rng.choice(ids, shape), rng.choice(ids, shape)
    prediction = np.where(rng.random(shape) < 0.5, truth, prediction).astype(np.uint8)
    truth = np.where(rng.random(shape) < void_share, 255, truth).astype(np.uint8)
    return truth, prediction


def test_pycocotools_agrees_on_the_iou_of_masks():
    """It has IoU 0 for two empty masks; here that image has no IoU of this class."""
    truth, prediction = label_maps(3, 4, (6, 23, 31), void_share=0.0)
    truth[0][truth[0] == 2] = prediction[0][prediction[0] == 2] = 1
    matrices = m.confusion_matrices(truth, prediction, 4)
    for image, matrix in enumerate(matrices):
        found = m.iou_class(matrix)
        for category in range(4):
            masks = [np.asfortranarray(labels[image] == category, np.uint8) for labels in (prediction, truth)]
            codes = [pycocotools.mask.encode(mask) for mask in masks]
            expected = pycocotools.mask.iou(codes[:1], codes[1:], [0])[0, 0]
            if category == 2 and image == 0:
                assert expected == 0 and np.isnan(found[category])
            else:
                assert found[category] == pytest.approx(expected, rel=1e-12) and expected > 0.2


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    num_classes=st.integers(2, 6),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)),
    void_share=st.sampled_from([0.0, 0.3, 1.0]),
    absent=st.sampled_from([(), (1,), (0,)]),
    dtype=st.sampled_from([np.uint8, np.int16, np.int64]),
)
def test_everything_equals_the_loops(seed, num_classes, shape, void_share, absent, dtype):
    truth, prediction = label_maps(seed, num_classes, shape, void_share, absent)
    images = [oracle.pairs(t, p, 255) for t, p in zip(truth, prediction, strict=True)]
    pixels, classes = sum(images, []), range(num_classes)
    truth, prediction = truth.astype(dtype), prediction.astype(dtype)
    matrix = m.confusion_matrix(truth, prediction, num_classes)
    matrices = m.confusion_matrices(truth, prediction, num_classes)
    assert matrix.dtype == matrices.dtype == np.int64
    assert matrix.tolist() == oracle.matrix(truth, prediction, num_classes, 255) == matrices.sum(0).tolist()
    expected = {
        m.pixel_accuracy: oracle.accuracy(pixels),
        m.mean_accuracy: oracle.mean([oracle.recall(pixels, c) for c in classes]),
        m.iou_class: [oracle.iou(pixels, c) for c in classes],
        m.dice_class: [oracle.f_beta(pixels, c, 1) for c in classes],
        m.precision: [oracle.precision(pixels, c) for c in classes],
        m.recall: [oracle.recall(pixels, c) for c in classes],
        m.iou_dataset: oracle.headline(oracle.iou, pixels, num_classes),
        m.dice_dataset: oracle.headline(lambda p, c: oracle.f_beta(p, c, 1), pixels, num_classes),
        m.miou: oracle.mean([oracle.iou(pixels, c) for c in classes]),
        m.frequency_weighted_iou: oracle.frequency_weighted_iou(pixels, num_classes),
    }
    for score, value in expected.items():
        np.testing.assert_allclose(score(matrix), value, rtol=1e-12, err_msg=score.__name__)
    np.testing.assert_allclose(m.cohens_kappa(matrix), oracle.kappa(pixels, num_classes), atol=1e-9)
    np.testing.assert_allclose(m.f_beta(matrix, beta=2), [oracle.f_beta(pixels, c, 2) for c in classes], rtol=1e-12)
    per_image = [oracle.headline(oracle.iou, image, num_classes) for image in images]
    np.testing.assert_allclose(m.iou_image(matrices), per_image, rtol=1e-12)
    by_image_and_class = [[oracle.iou(image, c) for c in classes] for image in images]
    np.testing.assert_allclose(m.miou_image(matrices), oracle.mean(map(oracle.mean, by_image_and_class)), rtol=1e-12)
    np.testing.assert_allclose(
        m.miou_class(matrices), oracle.mean(map(oracle.mean, zip(*by_image_and_class, strict=True))), rtol=1e-12
    )


@pytest.mark.parametrize("side", [12, 13, 14])  # 12² < 2·3⁴ = 162 < 13²: by pieces, by twos and one left over, by twos
def test_large_images_count_like_single_pixels(side):
    truth, prediction = label_maps(7, 3, (2, side, side))
    matrices = m.confusion_matrices(truth, prediction, 3)
    for matrix, t, p in zip(matrices, truth, prediction, strict=True):
        expected = np.zeros((3, 3), np.int64)
        np.add.at(expected, (t[t != 255], p[t != 255]), 1)
        assert matrix.tolist() == expected.tolist()


def test_by_hand():
    # truth 0 0 1 1 1 void, prediction 0 1 1 1 0 1:  TP 2, FP 1, FN 1, TN 1
    matrix = m.confusion_matrix([0, 0, 1, 1, 1, 255], [0, 1, 1, 1, 0, 1], 2)
    assert matrix.tolist() == [[1, 1], [1, 2]]
    assert m.iou_dataset(matrix) == 2 / (2 + 1 + 1)
    assert m.miou(matrix) == (2 / 4 + 1 / 3) / 2
    assert m.pixel_accuracy(matrix) == 3 / 5
    assert m.dice_dataset(matrix) == 4 / (4 + 1 + 1)
    # p_o = 3/5, p_e = (2·2 + 3·3)/25
    assert m.cohens_kappa(matrix) == pytest.approx((3 / 5 - 13 / 25) / (1 - 13 / 25))


def test_the_absent_class_rules():
    nothing = m.confusion_matrix(np.zeros((4, 4), int), np.zeros((4, 4), int), 2)
    missed = m.confusion_matrix(np.ones((4, 4), int), np.zeros((4, 4), int), 2)
    false_alarm = m.confusion_matrix(np.zeros((4, 4), int), np.ones((4, 4), int), 2)
    void = m.confusion_matrix(np.full((4, 4), 255), np.ones((4, 4), int), 2)
    assert [float(m.iou_dataset(x)) for x in (nothing, missed, false_alarm)] == [1, 0, 0]
    assert np.isnan(m.iou_dataset(void)) and np.isnan(m.pixel_accuracy(void)) and np.isnan(m.miou(void))
    assert np.isnan(m.iou_class(nothing)[1]) and m.miou(nothing) == 1
    # three classes, the third in neither: two count
    matrix = np.array([[2, 1, 0], [0, 1, 0], [0, 0, 0]])
    assert m.iou_dataset(matrix) == (2 / 3 + 1 / 2) / 2
    # a false alarm of the third makes its union 1, its IoU 0; by presence in the truth it does not count
    matrices = np.array([[[2, 1, 1], [0, 1, 0], [0, 0, 0]]])
    assert m.miou_image(matrices) == pytest.approx((2 / 4 + 1 / 2 + 0) / 3)
    assert m.miou_image(matrices, present="truth") == pytest.approx((2 / 4 + 1 / 2) / 2)


def test_void_pixels_may_hold_anything():
    truth, prediction = label_maps(0, 4)
    scrambled = np.where(truth == 255, 200, prediction)
    np.testing.assert_array_equal(m.confusion_matrix(truth, prediction, 4), m.confusion_matrix(truth, scrambled, 4))


def test_other_voids():
    truth = np.array([-1, 0, 1, 255])
    with pytest.raises(UsageError, match=r"truth has ids \{-1\}"):
        m.confusion_matrix(truth, [0, 0, 0, 0], 2)
    assert m.confusion_matrix(truth[:3], [0, 0, 0], 2, void=-1).tolist() == [[1, 0], [1, 0]]
    with pytest.raises(UsageError, match=r"\{255\}"):
        m.confusion_matrix(truth[1:], [0, 0, 0], 2, void=None)
    # void may be a class id: that class then counts for nothing
    assert m.confusion_matrix([0, 1, 1], [1, 1, 0], 2, void=0).tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("truth", "prediction", "words"),
    [
        ([0, 1], [0.2, 0.9], "float64, not class ids"),
        ([0.0, 1.0], [0, 1], "truth holds float64"),
        ([0, 1], [0, 2], r"prediction has ids \{2\} outside 0..1"),
        ([0, 7], [0, 1], r"truth has ids \{7\}"),
        ([0, 1, 1], [0, 1], "different shapes"),
    ],
)
def test_what_cannot_be_counted_is_refused(truth, prediction, words):
    with pytest.raises(UsageError, match=words):
        m.confusion_matrix(truth, prediction, 2)


def test_a_trailing_axis_of_one_is_accepted():
    truth, prediction = label_maps(1, 2)
    expected = m.confusion_matrix(truth, prediction, 2)
    np.testing.assert_array_equal(m.confusion_matrix(truth[..., None], prediction, 2), expected)
    np.testing.assert_array_equal(m.confusion_matrix(truth, prediction[..., None], 2), expected)
    np.testing.assert_array_equal(m.confusion_matrix(truth, prediction == 1, 2), expected)


def test_workers_matrices_merge_to_the_whole():
    truth, prediction = label_maps(2, 5, (6, 9, 9))
    whole = m.ConfusionMatrix(5).update(truth, prediction)
    parts = [m.ConfusionMatrix(5).update(truth[i : i + 2], prediction[i : i + 2]) for i in (0, 2, 4)]
    merged = m.ConfusionMatrix.merge(parts)
    np.testing.assert_array_equal(merged.matrix, whole.matrix)
    assert parts[0].matrix.sum() < whole.matrix.sum()  # the parts keep their own
    with pytest.raises(UsageError, match="5 classes"):
        merged += m.ConfusionMatrix(4)


def test_a_given_matrix_is_copied():
    given = np.eye(2, dtype=np.int64)
    assert m.ConfusionMatrix(2, matrix=given).update([0, 0], [1, 1]).matrix.tolist() == [[1, 2], [0, 1]]
    assert given.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: m.ConfusionMatrix.merge([m.ConfusionMatrix(2), m.ConfusionMatrix(2, void=None)]), "void=255.*void=N"),
        (lambda: m.ConfusionMatrix.merge([]), "at least one"),
        (lambda: m.ConfusionMatrix.merge([np.eye(2, dtype=int)]), "ndarray; wrap"),
        (lambda: m.ConfusionMatrix(2).__iadd__(np.eye(2, dtype=int)), "ndarray; wrap"),
        (lambda: m.ConfusionMatrix(2, matrix=[[1, 0], [0, -1]]), "holds the count -1"),
        (lambda: m.ConfusionMatrix(0), "at least 1, received 0"),
    ],
)
def test_what_is_no_matrix_of_these_pixels_is_refused(call, words):
    with pytest.raises(UsageError, match=words):
        call()


@pytest.mark.parametrize("integer", [np.int64, np.int32, np.uint8])
def test_the_number_of_classes_may_be_numpys(integer):
    truth, prediction = label_maps(3, 3)
    for num_classes in (2, 3):  # each has a way of counting of its own
        t, p = (np.where(x < num_classes, x, 255) for x in (truth, prediction))
        p = np.where(p < num_classes, p, 0)
        expected = m.confusion_matrices(t, p, num_classes)
        np.testing.assert_array_equal(m.confusion_matrices(t, p, integer(num_classes)), expected)
        np.testing.assert_array_equal(m.confusion_matrix(t, p, integer(num_classes)), expected.sum(0))
        counter = m.ConfusionMatrix(integer(num_classes)).update(t, p)
        np.testing.assert_array_equal(counter.matrix, expected.sum(0))


def test_counts_go_past_float32():
    counter = m.ConfusionMatrix(2, matrix=np.array([[2**24, 0], [0, 2**53]]))
    assert counter.update([0, 1], [0, 1]).matrix.tolist() == [[2**24 + 1, 0], [0, 2**53 + 1]]


def test_scores_work_on_stacks():
    matrices = np.random.default_rng(0).integers(0, 9, (2, 3, 4, 4))
    for score in (m.iou_dataset, m.miou, m.cohens_kappa, m.frequency_weighted_iou, m.iou_class):
        stacked = score(matrices)
        for i in np.ndindex(2, 3):
            np.testing.assert_array_equal(stacked[i], score(matrices[i]))


def test_senseless_arguments_are_refused():
    with pytest.raises(UsageError, match="beta"):
        m.f_beta(np.eye(2, dtype=int), beta=0)
    with pytest.raises(UsageError, match="shape"):
        m.miou(np.zeros((2, 3), int))
    with pytest.raises(UsageError, match="present"):
        m.miou_image(np.eye(2, dtype=int)[None], present="always")
    with pytest.raises(UsageError, match="number of classes"):
        m.confusion_matrix([0], [0], 256)
    with pytest.raises(UsageError, match=r"whole number, received 3\.0"):
        m.confusion_matrix([0], [0], 3.0)
    with pytest.raises(UsageError, match=r"one matrix per image \(N, C, C\), received the shape \(2, 2\)"):
        m.miou_class(np.eye(2, dtype=int))
