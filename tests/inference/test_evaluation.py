"""Evaluation counts every valid pixel once, at the size that was asked for."""

import csv
import json
import os
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

from kseg.atomic import write_csv
from kseg.datasets import DataOptions, Dataset, Record, Relabel
from kseg.errors import Failure, UsageError
from kseg.inference import class_order, evaluate
from kseg.metrics import iou_dataset, iou_image
from kseg.tasks.semantic import SemanticEvaluation
from kseg.tasks.semantic.probabilities import in_order


class Written(Dataset):
    """Images whose red channel is the prediction (255 = class 1), with truths of the caller's choice."""

    name = "written"
    title = "for tests"
    legend = Relabel(("background", "thing"), ((0, 0, 0), (255, 0, 0)))

    def __init__(self, predictions, truths):
        super().__init__(DataOptions("written"))
        self.predictions, self.truths = predictions, truths

    def all_records(self, split):
        return [Record(f"image{i}") for i in range(len(self.truths))] if split == "test" else []

    def read_image(self, record):
        return np.repeat(self.predictions[int(record.id[5:])][..., None], 3, axis=-1).astype(np.uint8)

    def read_labels(self, record):
        return self.truths[int(record.id[5:])].astype(np.uint8)

    def identity(self, record):
        return record.id


def reading_model(channels=1):
    """Gives the red channel's share of 255 as probability, in every channel."""
    inputs = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(channels, 1, use_bias=False)
    model = keras.Model(inputs, layer(inputs))
    kernel = np.zeros((1, 1, 3, channels), np.float32)
    kernel[0, 0, 0] = 1 / 255
    layer.set_weights([kernel])
    return model


@pytest.fixture
def measured():
    # image 0: 8 of 32·64 pixels of the truth are void; image 1 is all void; image 2 has neither truth nor prediction
    rng = np.random.default_rng(0)
    predictions = [rng.integers(0, 2, (32, 64)) * 255, np.zeros((32, 32)), np.zeros((64, 32))]
    truths = [rng.integers(0, 2, (32, 64)), np.full((32, 32), 255), np.zeros((64, 32))]
    truths[0][0, :8] = 255
    dataset = Written(predictions, truths)
    return dataset, evaluate(reading_model(), dataset, "test", image_size=None, batch_size=2, progress=False)


def test_counts_by_hand(measured):
    dataset, evaluation = measured
    valid = dataset.truths[0] != 255
    truth, predicted = dataset.truths[0][valid], dataset.predictions[0][valid] // 255
    expected = [[np.sum((truth == i) & (predicted == j)) for j in (0, 1)] for i in (0, 1)]
    np.testing.assert_array_equal(evaluation.matrices[0], expected)
    np.testing.assert_array_equal(evaluation.matrices[1], 0)
    np.testing.assert_array_equal(evaluation.matrices[2], [[64 * 32, 0], [0, 0]])
    assert evaluation.matrices.dtype == np.int64
    assert evaluation.ids == ("image0", "image1", "image2")


def test_scores_follow_from_the_counts(measured):
    _, evaluation = measured
    scores = evaluation.scores()
    assert scores["iou_dataset"] == iou_dataset(evaluation.matrix)
    np.testing.assert_array_equal(evaluation.per_image, iou_image(evaluation.matrices))
    # the all-void image has no score, the empty one 1
    assert np.isnan(evaluation.per_image[1]) and evaluation.per_image[2] == 1
    assert scores["iou_image"] == pytest.approx((evaluation.per_image[0] + 1) / 2)
    assert scores["iou_class"]["thing"] == scores["iou_dataset"]
    # probabilities are 0 or 1, so every threshold gives the same mask
    assert scores["best_threshold"] == 0.5
    assert scores["iou_at_best_threshold"] == scores["iou_dataset"]
    assert list(evaluation.order()) == [0, 2, 1]


def test_the_histogram_holds_every_valid_pixel(measured):
    _, evaluation = measured
    np.testing.assert_array_equal(evaluation.histogram.sum(axis=1), evaluation.matrix.sum(axis=1))
    np.testing.assert_array_equal(evaluation.histogram[:, 128:].sum(axis=1), evaluation.matrix[:, 1])


def test_a_resized_network_is_measured_on_the_label_maps_own_pixels(measured):
    dataset, _ = measured
    own = evaluate(reading_model(), dataset, "test", image_size=(16, 16), progress=False)
    assert own.matrices.sum() == 32 * 64 - 8 + 64 * 32
    small = evaluate(reading_model(), dataset, "test", image_size=(16, 16), original_size=False, progress=False)
    assert small.matrices[2].sum() == 16 * 16
    assert (own.original_size, small.original_size) == (True, False)


def test_json_round_trip(measured):
    _, evaluation = measured
    text = json.dumps(evaluation.to_json(), allow_nan=False)
    again = SemanticEvaluation.from_json(text)
    np.testing.assert_array_equal(again.matrices, evaluation.matrices)
    np.testing.assert_array_equal(again.histogram, evaluation.histogram)
    assert (again.ids, again.classes, again.split, again.dataset) == (
        evaluation.ids, evaluation.classes, "test", "written",
    )  # fmt: skip
    assert again.scores() == evaluation.scores()
    with pytest.raises(UsageError, match="no evaluation"):
        SemanticEvaluation.from_json({"scores": {}})


def test_csv(measured, tmp_path):
    _, evaluation = measured
    evaluation.write_csv(tmp_path / "images.csv")
    with open(tmp_path / "images.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["image0", "image1", "image2"]
    matrix = evaluation.matrices[0]
    assert float(rows[0]["truth_fraction"]) == pytest.approx(matrix[1].sum() / matrix.sum(), abs=1e-6)
    assert float(rows[0]["predicted_fraction"]) == pytest.approx(matrix[:, 1].sum() / matrix.sum(), abs=1e-6)
    assert float(rows[0]["accuracy"]) == pytest.approx(np.trace(matrix) / matrix.sum(), abs=1e-6)
    assert (rows[1]["iou"], rows[2]["iou"]) == ("", "1.000000")


def test_a_cell_that_a_spreadsheet_would_run_is_text(tmp_path):
    rows = [("=1+1", "-0.5"), (" +x", "1"), ("\t@y", ""), ("-z", "+2"), ("a-b", "")]
    write_csv(tmp_path / "a.csv", ("id", "score"), rows)
    with open(tmp_path / "a.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["id", "'=1+1", "' +x", "'\t@y", "'-z", "a-b"]
    assert [row[1] for row in rows] == ["score", "-0.5", "1", "", "+2", ""]


def test_names_that_are_not_utf8_are_written_by_number(tmp_path):
    write_csv(tmp_path / "a.csv", ("id",), [(os.fsdecode(b"caf\xe9"),)])
    assert (tmp_path / "a.csv").read_bytes() == b"id\r\ncaf\\udce9\r\n"


def test_classes_of_another_order_are_matched_by_name():
    class Three(Written):
        legend = Relabel(("background", "hair", "face"), ((0, 0, 0), (255, 0, 0), (0, 255, 0)))

    # the model's channels are red, green, blue: face, background, hair
    order = class_order(("Face", "background", "HAIR"), Three.legend.classes)
    assert order == (1, 2, 0)
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Softmax()(inputs))
    truth = np.full((32, 32), 2)
    dataset = Three([truth], [truth])
    dataset.image = lambda record: np.full((32, 32, 3), (255, 0, 0), np.uint8)
    evaluation = evaluate(model, dataset, "test", image_size=None, order=order, progress=False)
    assert evaluation.matrix[2, 2] == 32 * 32
    with pytest.raises(UsageError, match="classes are a, b and the data's are a, c"):
        class_order(("a", "b"), ("a", "c"))


def test_two_classes_of_another_order_swap_what_is_foreground():
    assert class_order(("sky", "ground"), ("ground", "sky")) == (1, 0)
    np.testing.assert_allclose(in_order(np.array([[[0.25]]]), (1, 0)), [[[0.75]]])


def test_without_background_no_share_of_it_is_written(measured, tmp_path):
    dataset, _ = measured

    class Scenes(Written):
        legend = replace(Written.legend, background=False)

    scenes = Scenes(dataset.predictions, dataset.truths)
    evaluation = evaluate(reading_model(), scenes, "test", image_size=None, progress=False)
    evaluation.write_csv(tmp_path / "images.csv")
    assert (tmp_path / "images.csv").read_text().splitlines()[0] == "id,iou,accuracy"
    assert SemanticEvaluation.from_json(json.dumps(evaluation.to_json())).background is False


def test_a_network_may_be_fed_the_original_pixels():
    # One pixel in eight is foreground: any resizing would blur it below one half.
    rng = np.random.default_rng(1)
    truths = [rng.random(size) < 1 / 8 for size in ((50, 37), (33, 64), (20, 20))]
    dataset = Written([255 * truth for truth in truths], truths)
    found = {
        size: evaluate(reading_model(), dataset, "test", image_size=size, progress=False).scores()["iou_dataset"]
        for size in ("original", None, (32, 32))
    }
    assert found["original"] == 1 and max(found[None], found[(32, 32)]) < 0.9


def test_several_classes_have_no_histogram():
    class Three(Written):
        legend = Relabel(("background", "hair", "face"), ((0, 0, 0), (255, 0, 0), (0, 255, 0)))

    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Softmax()(inputs))
    truth = np.array([[0, 1, 2, 255]] * 32).repeat(8, axis=1)
    evaluation = evaluate(model, Three([truth * 0], [truth]), "test", image_size=None, progress=False)
    assert evaluation.histogram is None
    assert evaluation.matrix.sum(axis=1).tolist() == [256, 256, 256]
    assert set(evaluation.scores()["iou_class"]) == {"background", "hair", "face"}
    assert "best_threshold" not in evaluation.scores()
    assert SemanticEvaluation.from_json(json.dumps(evaluation.to_json())).histogram is None


def test_a_model_of_other_classes_is_refused(measured):
    dataset, _ = measured
    with pytest.raises(UsageError, match="5 output channels .* background, thing, which need 1"):
        evaluate(reading_model(5), dataset, "test", image_size=None, progress=False)


def test_an_empty_split_is_refused(measured):
    dataset, _ = measured
    with pytest.raises(UsageError, match="empty"):
        evaluate(reading_model(), dataset, "train", image_size=None, progress=False)


def test_truth_of_another_size_than_its_image_is_refused(tmp_path):
    Image.fromarray(np.zeros((32, 64, 3), np.uint8)).save(tmp_path / "image0.png")
    dataset = Written([np.zeros((32, 64))], [np.zeros((16, 32))])
    dataset.all_records = lambda split: [Record("image0", tmp_path / "image0.png")]
    with pytest.raises(Failure, match=r"image0: image and label map have \(32, 64\) and \(16, 32\) pixels"):
        evaluate(reading_model(), dataset, "test", image_size=None, progress=False)


@pytest.mark.parametrize("size", [(32, 32), "original", None])
def test_what_the_network_was_fed_is_kept(size):
    dataset = Written([np.zeros((40, 40))], [np.zeros((40, 40))])
    evaluation = evaluate(reading_model(), dataset, "test", image_size=size, progress=False)
    assert evaluation.input_size == size
    assert SemanticEvaluation.from_json(json.dumps(evaluation.to_json())).input_size == size


@pytest.mark.parametrize("original_size", [True, False])
def test_what_refinement_gives_is_what_is_counted(original_size):
    shown = np.zeros((30, 50), int)
    shown[:, 20:] = 255
    dataset = Written([shown], [1 - shown // 255])  # the truth is what the network does not say
    settings = {"image_size": (32, 64), "original_size": original_size, "progress": False}
    plain = evaluate(reading_model(), dataset, "test", **settings)
    refined = evaluate(reading_model(), dataset, "test", refine=lambda _, p: 1 - p, **settings)
    assert plain.scores()["iou_dataset"] < 0.1 and refined.scores()["iou_dataset"] > 0.9
    assert refined.matrix.sum() == (30 * 50 if original_size else 32 * 64)
