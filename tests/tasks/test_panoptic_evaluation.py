"""Panoptic answers measured: by hand, kept as JSON, drawn, and written so that `kseg score` reads them."""

import json

import numpy as np
import pytest
from scenes import image_of, panoptic

from kseg.cli.main import main
from kseg.datasets.images import contrasting_palette
from kseg.datasets.panoptic_files import read_panoptic
from kseg.errors import Failure, UsageError
from kseg.report.scores import plots_of_task
from kseg.structures import Panoptic, Segment
from kseg.tasks import TASKS
from kseg.tasks.mistakes import FALSE_NEGATIVE, FALSE_POSITIVE, FOUND, MIXED_UP
from kseg.tasks.panoptic.evaluation import PanopticEvaluation
from kseg.tasks.panoptic.evaluator import PanopticEvaluator
from kseg.tasks.panoptic.mistakes import compare, show_mistakes
from kseg.tasks.panoptic.writing import annotation, categories, save_ids, segment_ids, write_panoptic

CLASSES = ("wall", "floor", "cat", "dog")
WALL, FLOOR = Segment(0, thing=False), Segment(1, thing=False)
CAT, DOG, CATS = Segment(2, thing=True), Segment(3, thing=True), Segment(2, thing=True, crowd=True)


def of(rows, *segments):
    return Panoptic(np.array(rows, np.uint16), segments)


def scenes():
    """Truth and answer of two images, with every fate of a segment."""
    # the wall lacks a pixel; one cat is called a dog, two are missed, a dog is made up on the floor
    first = (
        of([[1, 1, 1, 2, 2, 5], [1, 1, 1, 3, 3, 5], [1, 1, 1, 4, 4, 4]], WALL, CAT, CAT, FLOOR, CAT),
        of([[1, 1, 1, 2, 2, 0], [1, 1, 1, 0, 0, 0], [1, 1, 0, 3, 4, 4]], WALL, DOG, DOG, FLOOR),
    )
    # cats within a crowd are not made up; a segment on void is none
    second = (
        of([[1, 1, 2, 2, 0, 0]], WALL, CATS),
        of([[1, 1, 2, 2, 3, 3]], WALL, CAT, DOG),
    )
    return [first, second]


def evaluation_of(pairs, classes=CLASSES):
    evaluator = PanopticEvaluator(classes, decode=lambda outputs, size: outputs["answer"].resized(size))
    for truth, answer in pairs:
        assert evaluator.add(truth, {"answer": answer}) == answer
    ids = tuple(f"image{index}" for index in range(len(pairs)))
    return evaluator.result(
        {"dataset": "scenes", "split": "test", "ids": ids, "original_size": True, "input_size": None, "seconds": 1.0}
    )


def test_what_became_of_segments_by_hand():
    became = compare(*scenes()[0])
    assert became.match.pairs.tolist() == [[1, 1], [4, 4]] and became.misnamed.tolist() == [[2, 2]]
    assert became.missed.tolist() == [3, 5] and became.false.tolist() == [3]
    became = compare(*scenes()[1])
    assert became.match.pairs.tolist() == [[1, 1]]
    assert not len(became.misnamed) + len(became.missed) + len(became.false)


def test_figures_by_hand():
    evaluation = evaluation_of(scenes())
    # wall: IoU 8/9 and 1; floor: 2/3; cat: three missed (one of them misnamed); dog: two false
    pq = {"wall": (8 / 9 + 1) / 2, "floor": 2 / 3, "cat": 0.0, "dog": 0.0}
    scores = evaluation.scores()
    assert scores["PQ_class"] == pytest.approx(pq) and scores["RQ_class"]["wall"] == 1
    assert scores["identity_gap"] <= 1e-12
    assert evaluation.headline == ("PQ", pytest.approx(sum(pq.values()) / 4))
    assert scores["PQ_things"] == 0 and scores["PQ_stuff"] == pytest.approx((17 / 18 + 2 / 3) / 2)
    assert evaluation.things == ("cat", "dog")
    assert evaluation.per_image == pytest.approx([(8 / 9 + 2 / 3) / 4, 1.0])
    assert [int(scores[name]) for name in ("segments", "predicted", "missed", "misnamed", "false")] == [6, 7, 2, 1, 1]
    assert evaluation.confusion.tolist() == [
        [2, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 1, 2], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0],
    ]  # fmt: skip
    assert evaluation.mix_ups() == [("cat", "dog", 1)]
    said = " ".join(evaluation.remarks())
    assert "PQ = SQ · RQ in each class that counts, 4 of 4" in said and "cat is taken for dog" in said
    assert evaluation.mistakes(0).startswith("5 segments: 2 missed, 1 too many, 1 of another class")
    assert evaluation.mistakes(1) == "1 segment: all found, PQ 1.000"


def test_nothing_to_measure_is_said():
    void = of([[0, 0]])
    evaluation = evaluation_of([(void, void)])
    assert np.isnan(evaluation.headline[1]) and np.isnan(evaluation.per_image).all()
    assert "no segment" in evaluation.nothing() and "undefined" in evaluation.in_a_line()
    json.dumps(evaluation.to_json(), allow_nan=False)
    assert all("<svg" in plot.svg for plot in plots_of_task(evaluation))


def test_confusions_add_up_to_what_is_missed():
    pairs = [(panoptic(seed, 5, clean=False), panoptic(seed + seed % 3, 5, clean=True)) for seed in range(12)]
    evaluation = evaluation_of(pairs, [f"class {index}" for index in range(5)])
    _, tp, fp, fn = evaluation.regions.sums.T
    inner = evaluation.confusion[:-1, :-1]
    assert np.array_equal(np.diag(inner), tp)
    assert np.array_equal(evaluation.confusion[:-1].sum(axis=1) - tp, fn)
    assert (evaluation.confusion[:, :-1].sum(axis=0) - tp >= fp).all() and fp.any()
    assert evaluation.segments.sum() == (tp + fn).sum()


def test_the_figures_of_an_epoch_are_those_of_the_evaluation():
    count = TASKS["panoptic"].epoch_count(CLASSES)
    assert np.isnan(count.figures()["pq"])
    for truth, answer in scenes():
        count.add(truth, answer)
    scores = evaluation_of(scenes()).scores()
    names = {"pq": "PQ", "pq_things": "PQ_things", "pq_stuff": "PQ_stuff"}
    assert count.figures() == {ours: scores[theirs] for ours, theirs in names.items()}


def test_a_class_outside_is_refused():
    evaluator = PanopticEvaluator(CLASSES[:2], decode=None)
    with pytest.raises(UsageError, match="the truth has a segment of class 2, but there are the classes 0..1"):
        evaluator.count(*scenes()[0])


def test_it_is_kept_as_json_and_in_tables(tmp_path):
    evaluation = evaluation_of(scenes())
    stored = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    again = PanopticEvaluation.from_json(stored)
    assert again.to_json() == stored == PanopticEvaluation.from_json(json.dumps(stored)).to_json()
    assert evaluation.write_tables(tmp_path) == ["per_image.csv", "per_class.csv", "confusion.csv"]
    wall = (tmp_path / "per_class.csv").read_text().splitlines()[1].split(",")
    assert wall[:2] == ["wall", "stuff"] and float(wall[2]) == pytest.approx(float(wall[3]) * float(wall[4]), abs=2e-6)
    assert (tmp_path / "confusion.csv").read_text().splitlines()[3] == "cat,0,0,0,1,2"
    assert (tmp_path / "per_image.csv").read_text().splitlines()[1].startswith("image0,0.38")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ids", ["image0"], "a number for each of its 1 images"),
        ("sums", [[], [[0, 3.0, 2, 0, 0]]], "an IoU of 3.0 in 2 matches"),
        ("sums", [[]], "sums of 1 images and 2 images"),
        ("boundary_sums", [[], [[9, 1.0, 1, 0, 0]]], "class 9"),
        ("things", ["horse"], "its things horse"),
        ("confusion", [[1]], r"confusions is \(1, 1\) for 4 classes"),
        ("missed", [-1, 0], "negative"),
        ("classes", None, "Expected `array`"),
    ],
)
def test_anything_else_is_refused(name, value, sentence):
    stored = evaluation_of(scenes()).to_json() | {name: value}
    with pytest.raises(UsageError, match=f"no evaluation of segments .*{sentence}"):
        PanopticEvaluation.from_json(stored)


def test_each_fate_is_drawn_in_its_color():
    truth, answer = scenes()[0]
    image = np.zeros((*truth.size, 3), np.uint8)
    shown = show_mistakes(image, truth, answer)
    assert [tuple(shown[place].tolist()) for place in ((0, 0), (1, 3), (0, 3), (2, 3))] == [
        FOUND, FALSE_NEGATIVE, MIXED_UP, FALSE_POSITIVE,
    ]  # fmt: skip
    assert tuple(shown[1, 1].tolist()) == (110, 110, 110)  # within what was found
    right = show_mistakes(image, truth, truth).reshape(-1, 3)
    assert {tuple(one) for one in right.tolist()} == {FOUND, (110, 110, 110)}


def test_what_is_written_is_read_and_scored(tmp_path, capsys):
    palette = ((0, 0, 0), (9, 9, 9), (9, 9, 9), (1, 2, 3))
    (tmp_path / "truth").mkdir()
    annotations = []
    for index, (truth, answer) in enumerate(scenes()):
        name = f"image{index}.png"
        write_panoptic(tmp_path / "answers" / name, answer, palette, classes=CLASSES)
        save_ids(tmp_path / "truth" / name, truth, segment_ids(truth, palette))
        annotations.append(annotation(index, name, truth, segment_ids(truth, palette)))
    kinds = categories(CLASSES, palette, dict(enumerate((False, False, True, True))))
    (tmp_path / "truth.json").write_text(json.dumps({"annotations": annotations, "categories": kinds}))
    read = read_panoptic(tmp_path / "answers")
    answer = scenes()[0][1]
    segments = {info["id"]: answer.segments[row] for row, info in enumerate(read.images["image0"].segments)}
    assert Panoptic.from_ids(read.images["image0"].ids(), segments) == answer
    assert [info["area"] for info in read.images["image0"].segments] == answer.areas().tolist()
    top = json.loads((tmp_path / "answers" / "image0.json").read_text())["annotations"][0]["segments_info"][3]
    assert top["bbox"] == [4, 2, 2, 1]  # x, y, width, height of the floor

    out = tmp_path / "scores.json"
    assert main(["score", str(tmp_path / "truth"), str(tmp_path / "answers"), "--boundary", "--out", str(out)]) == 0
    scored, scores = json.loads(out.read_text()), evaluation_of(scenes()).scores()
    assert scored["PQ"]["All"]["pq"] == pytest.approx(scores["PQ"])
    assert scored["boundary PQ"]["Stuff"]["pq"] == pytest.approx(scores["boundary_PQ_stuff"])
    assert "PQ = SQ · RQ in each class that counts, 4 of 4" in capsys.readouterr().out


def test_both_files_are_written_or_neither(tmp_path):
    (tmp_path / "answer.json" / "in the way").mkdir(parents=True)
    with pytest.raises(Failure, match=r"cannot write .*answer\.json"):
        write_panoptic(tmp_path / "answer.png", scenes()[0][1], contrasting_palette(4), classes=CLASSES)
    assert [path.name for path in tmp_path.iterdir()] == ["answer.json"]


def test_plots_show_the_identity():
    plots = plots_of_task(evaluation_of(scenes()))
    assert len({plot.title for plot in plots}) == 3 and all("<svg" in plot.svg for plot in plots)
    assert "PQ = SQ · RQ in each class that counts" in plots[0].text


def test_mistakes_move_with_the_picture():
    for seed in range(6):
        truth, answer, image = panoptic(seed, 5, clean=False), panoptic(seed + 1, 5, clean=True), image_of(seed)
        mirrored = show_mistakes(image[:, ::-1], truth.flipped(), answer.flipped())
        assert np.array_equal(mirrored, show_mistakes(image, truth, answer)[:, ::-1])
