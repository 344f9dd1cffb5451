"""What holds for every task: its targets lose nothing of a truth, the truth scores best, and drawing moves with it."""

import dataclasses
import json

import numpy as np
import pytest
from counting_objects import CountingObjects
from scenes import SCENES, SIZE, image_of

from kseg.conventions import VOID
from kseg.datasets.images import contrasting_palette, read_labels
from kseg.report.plots import class_bars, image_distribution
from kseg.report.scores import plots_of_task
from kseg.structures import Instances, Panoptic
from kseg.tasks import TASKS, Circumstances

SEEDS = range(12)


@pytest.fixture(params=[*TASKS, CountingObjects.name])
def task(request, monkeypatch):
    """Every registered task, and one of somebody else's, registered from outside and forgotten after the test."""
    monkeypatch.setattr(TASKS, "_entries", dict(TASKS._entries))
    if request.param == CountingObjects.name:
        TASKS.register(CountingObjects.name)(CountingObjects())
    return TASKS[request.param]


@pytest.fixture(params=[2, 5])
def num_classes(request):
    return request.param


def truth_of(task, seed, num_classes, *, clean):
    return SCENES[task.structure](seed, num_classes, clean=clean)


def outputs_of(task, truth, image, num_classes):
    """What a perfect network makes of the image."""
    return task.perfect_outputs(task.targets(num_classes)(truth, image), num_classes)


def evaluation_of(task, pairs, num_classes):
    """Of (truth, outputs) each."""
    evaluator = task.evaluator([f"class {i}" for i in range(num_classes)], void=VOID)
    for truth, outputs in pairs:
        prediction = evaluator.add(truth, outputs)
        assert isinstance(prediction, task.structure) and prediction.size == truth.size
    ids = tuple(f"image{i}" for i in range(len(pairs)))
    return evaluator.result(
        Circumstances(dataset="scenes", split="test", ids=ids, original_size=True, input_size=None, seconds=1.0)
    )


def test_it_is_registered_under_its_name(task):
    assert TASKS[task.name] is task and task.structure in SCENES


def test_targets_are_of_the_announced_shapes(task, num_classes):
    maker = task.targets(num_classes)
    assert maker.task == task.name
    for seed in SEEDS:
        image = image_of(seed) if maker.needs_image else None
        targets = maker(truth_of(task, seed, num_classes, clean=False), image)
        announced = maker.specs(SIZE)
        assert list(targets) == list(announced)
        for name, spec in announced.items():
            assert (targets[name].shape, targets[name].dtype.name) == (spec.shape, spec.dtype)


def test_the_targets_mean_the_truth(task, num_classes):
    for seed in SEEDS:
        truth = truth_of(task, seed, num_classes, clean=True)
        answer = task.decode(outputs_of(task, truth, image_of(seed), num_classes))
        assert isinstance(answer, task.structure)
        if isinstance(answer, Instances):
            answer = dataclasses.replace(answer, scores=None)
        assert answer == truth


def test_the_truth_scores_best_void_and_crowds_or_not(task, num_classes):
    pairs = []
    for seed in SEEDS:
        truth = truth_of(task, seed, num_classes, clean=seed % 2 == 0)
        pairs.append((truth, outputs_of(task, truth, image_of(seed), num_classes)))
    evaluation = evaluation_of(task, pairs, num_classes)
    assert evaluation.task == task.name and len(evaluation.ids) == len(SEEDS) == len(evaluation.per_image)
    assert evaluation.headline[1] == pytest.approx(1.0)
    np.testing.assert_allclose(evaluation.per_image, 1.0)


def test_another_image_s_truth_scores_less(task, num_classes):
    pairs = []
    for seed in SEEDS:
        other = truth_of(task, seed + 100, num_classes, clean=True)
        outputs = outputs_of(task, other, image_of(seed), num_classes)
        pairs.append((truth_of(task, seed, num_classes, clean=True), outputs))
    evaluation = evaluation_of(task, pairs, num_classes)
    assert evaluation.headline[1] < 0.9
    assert (evaluation.per_image < 1.0).all()


def test_an_evaluation_is_kept_as_json_and_as_a_table(task, tmp_path):
    truth = truth_of(task, 0, 2, clean=True)
    evaluation = evaluation_of(task, [(truth, outputs_of(task, truth, image_of(0), 2))], 2)
    stored = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert stored["task"] == task.name
    again = task.read_evaluation(stored)
    assert json.dumps(again.to_json()) == json.dumps(stored) and again.headline == evaluation.headline
    evaluation.write_csv(tmp_path / "images.csv")
    assert "image0" in (tmp_path / "images.csv").read_text()
    (tmp_path / "tables").mkdir()
    assert {*evaluation.write_tables(tmp_path / "tables")} == {path.name for path in (tmp_path / "tables").iterdir()}


def test_an_evaluation_says_what_a_report_shows(task, num_classes):
    pairs = []
    for seed in SEEDS:
        right = truth_of(task, seed, num_classes, clean=True)
        shown = right if seed % 3 else truth_of(task, seed + 100, num_classes, clean=True)
        pairs.append((right, outputs_of(task, shown, image_of(seed), num_classes)))
    evaluation = evaluation_of(task, pairs, num_classes)
    worst_first = evaluation.per_image[evaluation.order()]
    assert (np.diff(worst_first) >= 0).all() and worst_first[0] < worst_first[-1]
    assert not evaluation.nothing() and evaluation.mistakes(0) != evaluation.mistakes(1)
    assert evaluation.image_score and evaluation.in_a_line() and all(evaluation.remarks())
    columns = evaluation.by_class()
    assert all({*values} <= {*evaluation.classes} for values in columns.values())
    plots = [image_distribution(evaluation), class_bars(evaluation), *plots_of_task(evaluation)]
    assert all("<svg" in plot.svg for plot in plots)
    bars = class_bars(evaluation).svg
    drawn = next(iter(evaluation.by_class().values()))
    assert ("#8795a5" in bars) == (evaluation.background and evaluation.classes[0] in drawn)  # gray is background
    assert len({plot.title for plot in plots}) == len(plots)


def test_mistakes_are_drawn_and_a_right_answer_has_none(task, num_classes):
    palette = contrasting_palette(num_classes)
    named = [name for name, _ in task.legend([f"class {i}" for i in range(num_classes)], palette)]
    assert named and len({*named}) == len(named)
    for seed in SEEDS:
        image = image_of(seed)
        truth, other = (truth_of(task, number, num_classes, clean=True) for number in (seed, seed + 100))
        right, wrong = (task.draw_mistakes(image, truth, answer) for answer in (truth, other))
        assert (right.dtype, right.shape) == (np.uint8, (*SIZE, 3))
        assert (right != wrong).any()
        mirrored = task.draw_mistakes(image[:, ::-1], truth.flipped(), other.flipped())
        np.testing.assert_array_equal(mirrored, wrong[:, ::-1])


def test_the_score_of_an_epoch_is_a_metric_or_what_is_logged(task, num_classes):
    assert task.score.key == f"val_{task.score.name}"
    if not task.measured_whole:
        assert task.score.name in {metric.name for metric in task.metrics(num_classes)}
        return
    count = task.epoch_count([f"class {i}" for i in range(num_classes)])
    for seed in SEEDS:
        truth = truth_of(task, seed, num_classes, clean=True)
        count.add(truth, outputs_of(task, truth, image_of(seed), num_classes))
    logged = count.figures()
    assert logged[task.score.name] == pytest.approx(1.0) and {*task.curves} <= {*logged}


def not_fewer(truth, moved):
    """Whether a move left something of every object: colors that go by object are the same then."""
    count = {Instances: len, Panoptic: lambda one: len(one.segments)}.get(type(truth))
    return count is None or count(truth) == count(moved)


@pytest.mark.parametrize("background", [True, False])
def test_it_draws_on_the_image(task, num_classes, background):
    palette, compared = contrasting_palette(num_classes), 0
    for seed in SEEDS:
        image, truth = image_of(seed), truth_of(task, seed, num_classes, clean=seed % 2 == 0)
        before = image.copy()
        drawn = task.draw(image, truth, palette, background=background)
        assert (drawn.dtype, drawn.shape) == (np.uint8, (*SIZE, 3))
        np.testing.assert_array_equal(image, before)
        assert (drawn != image).any()
        mirrored = task.draw(image[:, ::-1], truth.flipped(), palette, background=background)
        np.testing.assert_array_equal(mirrored, drawn[:, ::-1])
        turned = task.draw(image[::-1], truth.flipped(vertical=True), palette, background=background)
        np.testing.assert_array_equal(turned, drawn[::-1])
        # A window that leaves something of every object, for what is numbered by objects; and another one.
        windows = [(2, 2, 22, 30), (3, 5, 20, 27)]
        for top, left, bottom, right in windows:
            window = slice(top, bottom), slice(left, right)
            moved = truth.cropped((top, left, bottom, right))
            if not_fewer(truth, moved):
                cut = task.draw(image[window], moved, palette, background=background)
                # An outline may end where the picture does.
                np.testing.assert_array_equal(cut[1:-1, 1:-1], drawn[window][1:-1, 1:-1])
                compared += 1
    assert compared >= len(SEEDS)


def test_an_answer_is_of_the_size_that_is_asked_for(task, num_classes):
    truth = truth_of(task, 3, num_classes, clean=True)
    larger = (3 * SIZE[0], 2 * SIZE[1])
    assert task.decode(outputs_of(task, truth, image_of(3), num_classes), larger).size == larger


def stacked(outputs):
    """The outputs of single images as a network gives them, with the axis of the batch first."""
    if isinstance(outputs[0], dict):
        return {name: np.stack([one[name] for one in outputs]) for name in outputs[0]}
    return np.stack(outputs)


def test_a_batch_is_taken_apart(task, num_classes):
    single = [
        outputs_of(task, truth_of(task, seed, num_classes, clean=True), image_of(seed), num_classes) for seed in SEEDS
    ]
    apart = task.of_each_image(stacked(single))
    assert [task.decode(one) for one in apart] == [task.decode(one) for one in single]


def test_outputs_are_resized_as_answers_are(task, num_classes):
    for seed in SEEDS:
        outputs = outputs_of(task, truth_of(task, seed, num_classes, clean=True), image_of(seed), num_classes)
        for size in (SIZE, (3 * SIZE[0], 2 * SIZE[1]), (17, 19)):
            answer = task.decode(task.resized(outputs, size))
            assert answer.size == size and answer == task.decode(outputs, size)


def test_classes_take_another_order(task, num_classes):
    order = [*range(1, num_classes), 0]
    back = np.argsort(order).tolist()
    for seed in SEEDS:
        outputs = outputs_of(task, truth_of(task, seed, num_classes, clean=True), image_of(seed), num_classes)
        answer, moved = task.decode(outputs), task.decode(task.reordered(outputs, order))
        assert moved != answer
        assert task.decode(task.reordered(task.reordered(outputs, order), back)) == answer
        assert task.decode(task.reordered(outputs, range(num_classes))) == answer


def test_an_answer_is_written_as_a_picture_of_its_size(task, tmp_path):
    task.write(tmp_path / "answer.png", truth_of(task, 1, 2, clean=True), contrasting_palette(2))
    assert {path.name for path in tmp_path.iterdir()} == {f"answer{ending}" for ending in task.writes}
    assert read_labels(tmp_path / "answer.png").shape[:2] == SIZE


def test_metrics_have_names_of_their_own(task, num_classes):
    names = [metric.name for metric in task.metrics(num_classes)]
    assert len({*names}) == len(names)
