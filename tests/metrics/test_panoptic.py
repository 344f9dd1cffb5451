"""Panoptic quality against panopticapi's own values, loops, and arithmetic by hand."""

import json
import math

import numpy as np
import pytest
from oracles import panoptic as oracle
from panoptic_maps import CLASSES, maps
from test_outlines import oracle_folder

import kseg.metrics as m
from kseg.errors import UsageError
from kseg.structures import Panoptic, Segment


def tables(true_segments, predicted_segments, num_classes=CLASSES):
    """From {id: (class, crowd)} and {id: class}."""
    true_classes, crowd = zip(*true_segments.values(), strict=True) if true_segments else ((), ())
    return (
        m.segment_table(list(true_segments), true_classes, crowd, num_classes=num_classes, of="truth"),
        m.segment_table(
            list(predicted_segments), list(predicted_segments.values()), num_classes=num_classes, of="prediction"
        ),
    )


def matched(truth, prediction, true_segments, predicted_segments, **options):
    return m.panoptic_match(truth, prediction, *tables(true_segments, predicted_segments), **options)


def test_ten_thousand_maps_equal_the_loops():
    """Matches, misses and false alarms one by one, and IoUs to the last bit; each segment in at most one match."""
    rng = np.random.default_rng(0)
    seen = {"match": 0, "missed": 0, "false": 0, "crowd forgives": 0, "panopticapi": 0}
    for _ in range(10_000):
        truth, true_segments, prediction, predicted_segments = maps(rng)
        found = matched(truth, prediction, true_segments, predicted_segments)
        pairs, missed, false = oracle.matches(truth, prediction, true_segments, predicted_segments)
        ours = {tuple(pair): iou for pair, iou in zip(found.pairs.tolist(), found.iou.tolist(), strict=True)}
        assert ours == pairs
        assert found.classes.tolist() == [true_segments[t][0] for t, _ in found.pairs.tolist()]
        assert found.missed.tolist() == [[t, true_segments[t][0]] for t in sorted(missed)]
        assert found.false.tolist() == [[p, predicted_segments[p]] for p in sorted(false)]
        for side in (0, 1):
            assert len(set(found.pairs[:, side].tolist())) == len(found.pairs)
        crowds = [kind for kind, crowd in true_segments.values() if crowd]
        if len(set(crowds)) == len(crowds):  # panopticapi knows one crowd a class: there the rules are the same
            assert (pairs, missed, false) == oracle.matches(
                truth, prediction, true_segments, predicted_segments, crowds="last"
            )
            seen["panopticapi"] += 1
        seen["match"] += len(pairs)
        seen["missed"] += len(missed)
        seen["false"] += len(false)
        seen["crowd forgives"] += len(pairs) + len(false) < len(predicted_segments)
    assert min(seen.values()) > 1000, seen


def test_scores_equal_the_loops():
    rng = np.random.default_rng(1)
    images, matches = [], []
    for _ in range(50):
        truth, true_segments, prediction, predicted_segments = maps(rng)
        images.append(
            (*oracle.matches(truth, prediction, true_segments, predicted_segments), true_segments, predicted_segments)
        )
        matches.append(matched(truth, prediction, true_segments, predicted_segments))
    for some in (images[:1], images):
        sums = m.panoptic_sums(matches[: len(some)], CLASSES + 1)  # the last class occurs nowhere
        expected = np.array(oracle.scores(some, CLASSES + 1))
        for column, score in enumerate((m.panoptic_quality, m.segmentation_quality, m.recognition_quality)):
            np.testing.assert_allclose(score(sums), expected[:, column], rtol=1e-13)
        assert np.isnan(m.panoptic_quality(sums)[CLASSES])
        product = m.segmentation_quality(sums) * m.recognition_quality(sums)
        np.testing.assert_allclose(m.panoptic_quality(sums), product, rtol=1e-15)
    parts = [m.panoptic_sums([match], CLASSES + 1) for match in matches]
    np.testing.assert_allclose(sum(parts), sums, rtol=1e-13)


def test_panopticapi_agrees_exactly():
    reference = np.load(oracle_folder() / "panoptic_seed0.npz")
    segments, expected = (json.loads(str(reference[name])) for name in ("segments", "result"))
    classes = {category["id"]: row for row, category in enumerate(segments["categories"])}
    matches = []
    for image, (true, predicted) in enumerate(zip(segments["gt"], segments["pred"], strict=True)):
        true_segments = {s["id"]: (classes[s["category_id"]], bool(s["iscrowd"])) for s in true["segments_info"]}
        predicted_segments = {s["id"]: classes[s["category_id"]] for s in predicted["segments_info"]}
        match = m.panoptic_match(
            reference[f"gt_{image}"],
            reference[f"pred_{image}"],
            *tables(true_segments, predicted_segments, len(classes)),
        )
        matches.append(match)
    # panopticapi adds up the IoUs of two images a process, then its two processes: in this order the last digit is the
    # same too
    sums = m.panoptic_sums(matches[:2], len(classes)) + m.panoptic_sums(matches[2:], len(classes))
    for name, score in m.panoptic_groups(sums, [c["isthing"] for c in segments["categories"]]).items():
        theirs = expected[name]
        assert (score.pq, score.sq, score.rq, score.classes) == (
            theirs["pq"],
            theirs["sq"],
            theirs["rq"],
            theirs["n"],
        )
    for category, row in classes.items():
        theirs = expected["per_class"][str(category)]
        ours = [score(sums)[row] for score in (m.panoptic_quality, m.segmentation_quality, m.recognition_quality)]
        assert ours == [theirs["pq"], theirs["sq"], theirs["rq"]]


def test_a_row_of_pixels_by_hand():
    # segments: truth A A A B B void void C C C   prediction a a b b b  b    d    d - c
    truth = np.array([[1, 1, 1, 2, 2, 0, 0, 3, 3, 3]])
    prediction = np.array([[5, 5, 6, 6, 6, 6, 7, 7, 0, 8]])
    found = matched(truth, prediction, {1: (0, False), 2: (0, False), 3: (1, False)}, {5: 0, 6: 0, 7: 1, 8: 1})
    # A with a: 2 of 3; B with b: 2 of 2 + 4 − 2 − 1 on void = 3; C with d: 1 of 3, with c: 1 of 3
    assert found.pairs.tolist() == [[1, 5], [2, 6]]
    assert found.iou.tolist() == [2 / 3, 2 / 3]
    assert found.missed.tolist() == [[3, 1]]
    # half of d lies on void, which is not more than half
    assert found.false.tolist() == [[7, 1], [8, 1]]
    sums = m.panoptic_sums([found], 2)
    np.testing.assert_array_equal(sums, [[2 / 3 + 2 / 3, 2, 0, 0], [0, 0, 2, 1]])
    # class 0: 4/3 of 2; class 1: nothing of 1 missed and 2 false
    assert m.panoptic_score(sums) == m.PanopticScore(pq=(2 / 3 + 0) / 2, sq=(2 / 3 + 0) / 2, rq=(1 + 0) / 2, classes=2)
    groups = m.panoptic_groups(sums, [True, False])
    assert (groups["Things"].pq, groups["Stuff"].pq, groups["All"].classes) == (2 / 3, 0, 2)


def test_half_is_no_match():
    truth, prediction = np.array([[1, 1, 1, 0]]), np.array([[4, 4, 4, 4]])
    assert matched(truth, prediction, {1: (0, False)}, {4: 0}).iou.tolist() == [1]  # the void pixel counts nowhere
    truth = np.array([[1, 1, 2, 2]])
    found = matched(truth, prediction, {1: (0, False), 2: (1, False)}, {4: 0})
    assert (found.pairs.tolist(), found.missed.tolist(), found.false.tolist()) == ([], [[1, 0], [2, 1]], [[4, 0]])


@pytest.mark.parametrize(
    ("kind", "on_crowd", "false"), [(0, 3, []), (0, 2, [[4, 0]]), (1, 3, [[4, 1]])], ids=["most", "half", "other class"]
)
def test_a_crowd_of_its_class_forgives_a_prediction_that_lies_mostly_on_it(kind, on_crowd, false):
    truth = np.array([[9] * on_crowd + [1] * (4 - on_crowd)])
    found = matched(truth, np.full((1, 4), 4), {9: (0, True), 1: (2, False)}, {4: kind})
    assert found.false.tolist() == false
    assert found.missed.tolist() == [[1, 2]]  # never the crowd


def test_void_and_several_crowds_of_a_class_forgive_together():
    truth = np.array([[8, 9, 0, 1, 1]])
    found = matched(truth, np.full((1, 5), 4), {8: (0, True), 9: (0, True), 1: (2, False)}, {4: 0})
    assert found.false.tolist() == []
    *_, false = oracle.matches(
        truth, np.full((1, 5), 4), {8: (0, True), 9: (0, True), 1: (2, False)}, {4: 0}, crowds="last"
    )
    assert false == [4]  # panopticapi, which takes one of the two


def test_boundary_pq_equals_the_loops():
    rng = np.random.default_rng(2)
    lower = 0
    for _ in range(150):
        truth, true_segments, prediction, predicted_segments = maps(rng)
        truth, prediction = (ids.repeat(3, axis=0).repeat(3, axis=1) for ids in (truth, prediction))
        prediction = np.roll(prediction, 1, axis=1)
        width = int(rng.integers(1, 3))
        found = matched(truth, prediction, true_segments, predicted_segments, boundary=True, width=width)
        pairs, _, _ = oracle.matches(truth, prediction, true_segments, predicted_segments)
        narrowed = {
            (t, p): min(iou, oracle.band_iou(truth, prediction, t, p, width)) for (t, p), iou in sorted(pairs.items())
        }
        expected = {pair: iou for pair, iou in narrowed.items() if iou > 0.5}
        assert found.pairs.tolist() == [list(pair) for pair in expected]
        np.testing.assert_allclose(found.iou, list(expected.values()), rtol=1e-15)
        unmatched = {t for t, (_, crowd) in true_segments.items() if not crowd} - {t for t, _ in expected}
        assert {int(t) for t, _ in found.missed} == unmatched
        lower += len(expected) < len(pairs)
    assert lower > 20


def test_the_default_width_is_two_percent_of_the_diagonal():
    truth = np.ones((60, 80), int)  # diagonal 100: two pixels
    truth[20:40, 20:40] = 2
    prediction = np.roll(truth, 1, axis=1)
    segments = {1: (0, False), 2: (1, False)}
    wide, narrow = (
        matched(truth, prediction, segments, {1: 0, 2: 1}, boundary=True, **options).iou
        for options in ({}, {"width": 2})
    )
    assert wide.tolist() == narrow.tolist()


def test_empty_maps():
    nothing = np.zeros((2, 3), np.uint8)
    assert np.isnan(m.panoptic_score(m.panoptic_sums([matched(nothing, nothing, {}, {})], 2)).pq)
    assert np.isnan(m.panoptic_score(m.panoptic_sums([], 2)).pq)
    one = np.ones((2, 3), np.uint8)
    missed = matched(one, nothing, {1: (0, False)}, {})
    assert m.panoptic_score(m.panoptic_sums([missed], 2)) == m.PanopticScore(0, 0, 0, classes=1)
    assert matched(nothing, one, {}, {1: 0}).false.tolist() == []  # all on void


def test_structures_are_scored_as_their_maps():
    scene = Panoptic(
        np.array([[1, 1, 2, 2, 0]], np.uint16), (Segment(0, thing=False), Segment(2, thing=True, crowd=True))
    )
    found = m.panoptic_match(scene.ids, scene.ids, m.segments_of(scene), m.segments_of(scene))
    assert (found.pairs.tolist(), found.missed.tolist(), found.false.tolist()) == ([[1, 1]], [], [])


def test_noise_and_types_of_ids():
    """Every pixel another segment, ids of 8 to 64 bits: the same matches."""
    ids = np.arange(1, 101).reshape(10, 10)
    segments = {i: (i % 3, False) for i in range(1, 101)}
    for dtype in (np.uint8, np.int16, np.uint32, np.int64):
        found = matched(ids.astype(dtype), ids.T.astype(dtype), segments, {i: i % 3 for i in range(1, 101)})
        pairs = zip(ids.ravel().tolist(), ids.T.ravel().tolist(), strict=True)
        assert found.pairs.tolist() == [[i, j] for i, j in pairs if i % 3 == j % 3]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"truth": np.zeros((2, 3), int)}, r"truth \(2, 3\) and prediction \(2, 2\) have different sizes"),
        ({"truth": np.ones((2, 2))}, r"the truth is a map of segment ids .* received float64 \(2, 2\)"),
        ({"truth": np.full((2, 2), -1)}, r"the truth holds ids from -1 to -1"),
        ({"truth": np.full((2, 2), 7)}, r"pixels of the truth have the ids \{7\}, which are not among its segments"),
        ({"prediction": np.full((2, 2), 7)}, r"pixels of the prediction have the ids \{7\}"),
        ({"predicted_segments": {1: 0, 3: 0}}, r"no pixel of the prediction has the ids \{3\} of its segments"),
        ({"true_segments": {1: (0, False), 3: (0, False)}}, r"no pixel of the truth has the ids \{3\}"),
        ({"true_segments": {1: (5, False)}}, r"segment 1 of the truth has the class 5 outside 0\.\.2"),
        ({"true_segments": {0: (1, False)}}, r"the truth has a segment with the id 0"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(change, sentence):
    sound = {
        "truth": np.ones((2, 2), int),
        "prediction": np.ones((2, 2), int),
        "true_segments": {1: (0, False)},
        "predicted_segments": {1: 0},
    }
    matched(**sound)
    with pytest.raises(UsageError, match=sentence):
        matched(**{**sound, **change})


def test_an_id_that_stands_for_two_segments_is_refused():
    with pytest.raises(UsageError, match="the id 4 stands for two segments of the truth; segments cannot overlap"):
        m.segment_table([4, 2, 4], [0, 1, 0], num_classes=2, of="truth")
    with pytest.raises(UsageError, match="2 ids, 1 classes"):
        m.segment_table([4, 2], [0], num_classes=2, of="truth")


@pytest.mark.parametrize("wrong", [np.zeros((3, 3)), np.zeros(4)])
def test_tables_of_another_shape_are_refused(wrong):
    with pytest.raises(UsageError, match="shape"):
        m.panoptic_score(wrong)
    assert math.isnan(m.panoptic_quality(np.zeros(4)))
    with pytest.raises(UsageError, match="shape"):
        m.panoptic_quality(np.zeros((2, 3)))


def test_intervals_over_images_take_tables_of_sums():
    rng = np.random.default_rng(3)
    tables_of_images = []
    for _ in range(20):
        truth, true_segments, prediction, predicted_segments = maps(rng)
        match = matched(truth, prediction, true_segments, predicted_segments)
        tables_of_images.append(m.panoptic_sums([match], CLASSES))
    interval = m.bootstrap_score(
        np.stack(tables_of_images), lambda sums: np.nanmean(m.panoptic_quality(sums), axis=-1), resamples=200
    )
    assert interval.low < interval.value < interval.high
    assert interval.value == pytest.approx(m.panoptic_score(sum(tables_of_images)).pq, rel=1e-12)


def test_a_table_has_the_scores_of_the_sums_and_its_identity():
    rng, is_thing, drawn = np.random.default_rng(11), np.array([True, False, True]), []
    for _ in range(40):
        truth, true_segments, prediction, predicted_segments = maps(rng)
        drawn.append(matched(truth, prediction, true_segments, predicted_segments))
    table, sums = m.PanopticTable.of(drawn, is_thing), m.panoptic_sums(drawn, CLASSES)
    np.testing.assert_allclose(table.sums, sums, rtol=1e-14)
    for name, score in m.panoptic_groups(sums, is_thing).items():
        assert table.groups[name].pq == pytest.approx(score.pq, rel=1e-12)
    pq, sq, rq = table.of_classes().values()
    np.testing.assert_allclose(pq, sq * rq, rtol=1e-12)
    every = table.groups["All"]
    assert every.pq != pytest.approx(every.sq * every.rq, rel=1e-6)  # of means it does not hold
    assert f"PQ {every.pq:.4f}, SQ · RQ {every.sq * every.rq:.4f}" in table.identity()
    alone = [m.panoptic_score(m.panoptic_sums([one], CLASSES)).pq for one in drawn]
    np.testing.assert_allclose(table.per_image, alone, rtol=1e-12)
    interval = table.interval(200)
    assert interval.low < interval.value < interval.high and interval.value == pytest.approx(every.pq)
    with pytest.raises(UsageError, match=r"sums of images are \(N, 2, 4\)"):
        m.PanopticTable(table.sums_per_image, is_thing[:2])
