"""Networks that find objects: exported with names and a fixed number of detections, in pixels of the image."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from kseg.errors import Failure
from kseg.export import FORMATS, export_model
from kseg.export import exporter as exporter_module
from kseg.inference import ModelCard, Predictor
from kseg.tasks import TASKS
from kseg.tasks.instance.decoding import DETECTIONS

TASK = TASKS["instance"]
FED = (32, 48)
CARD = ModelCard(("background", "dark", "light"), ((0, 0, 0), (90, 0, 0), (255, 0, 0)), FED, task="instance")
NAMES = {"saved_model": "objects", "onnx": "objects.onnx", "litert": "objects.tflite"}


@keras.saving.register_keras_serializable("kseg_tests")
class Halves(keras.layers.Layer):
    """The upper and the lower half of a picture, each with its brightness as score; three places, one of them empty."""

    def call(self, images):
        images = ops.cast(images, "float32") / 255.0
        size = ops.cast(ops.convert_to_tensor(ops.shape(images)[1:3]), "float32")
        one = ops.ones_like(images[:, :1, 0, 0])
        height, width = size[0] * one, size[1] * one
        halves = [[0 * one, 0 * one, height / 2, width], [height / 2, 0 * one, height, width], [0 * one] * 4]
        middle = ops.shape(images)[1] // 2
        light = [ops.mean(part, axis=(1, 2, 3))[:, None] for part in (images[:, :middle], images[:, middle:])]
        return {
            "boxes": ops.stack([ops.concatenate(box, axis=1) for box in halves], axis=1),
            "scores": ops.concatenate([*light, 0 * one], axis=1),
            "classes": ops.cast(ops.concatenate([one, 2 * one, 0 * one], axis=1), "int32"),
            "masks": ops.ones((1, 3, 4, 4)) * one[:, :, None, None],
            "valid": ops.concatenate([one, one, 0 * one], axis=1),
            "size": ops.concatenate([height, width], axis=1),
        }


@pytest.fixture(scope="module")
def model():
    image = keras.Input((None, None, 3))
    return keras.Model(image, Halves()(image))


@pytest.mark.parametrize("format", FORMATS)
def test_an_image_at_its_own_size_gets_the_objects_that_predict_gives(format, model, tmp_path):
    report = export_model(model, CARD, tmp_path / NAMES[format], format)
    assert report.max_difference < 1e-5
    assert "gives boxes, scores, classes, masks, valid, size, in its pixels" in report.note
    run = FORMATS[format].implementation().load(report.path)
    for size in ((20, 31), (70, 90)):
        image = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
        outputs = run(image[None])
        assert set(outputs) == set(DETECTIONS) and outputs["boxes"].shape == (1, 3, 4)
        assert outputs["size"].tolist() == [list(size)] and outputs["classes"].dtype == np.int32
        (got,) = TASK.of_each_image(outputs)
        (expected,) = Predictor(model, FED, task=TASK).answers([image])
        answer = TASK.decode(got)
        assert answer.masks == expected.masks and answer.classes.tolist() == expected.classes.tolist()
        np.testing.assert_allclose(answer.boxes, expected.boxes, atol=1e-4)
        np.testing.assert_allclose(answer.scores, expected.scores, atol=1e-5)


def test_the_card_says_what_is_given(model, tmp_path):
    export_model(model, CARD, tmp_path / "objects.onnx", "onnx")
    card = json.loads((tmp_path / "objects.onnx.card.json").read_text())
    assert card["output"].startswith("boxes: (N, 3, ") and "masks: (N, 3, 4, 4)" in card["output"]
    assert "an object where valid is 1" in card["decision"]


def test_an_export_that_moves_a_box_is_not_kept(model, tmp_path, monkeypatch):
    def wrong(outputs, size):
        given = TASK.__class__.served(TASK, outputs, size)
        return {**given, "boxes": given["boxes"] + 2.0}

    with monkeypatch.context() as patch:
        patch.setattr(exporter_module.TASKS["instance"], "served", wrong, raising=False)
        with pytest.raises(Failure, match="differs from the Keras model by"):
            export_model(model, CARD, tmp_path / "objects", "saved_model")
    assert not (tmp_path / "objects").exists()


def detections(boxes, scores, classes):
    count = len(scores)
    return {
        "boxes": np.array(boxes, np.float32), "scores": np.array(scores, np.float32), "classes": np.array(classes),
        "masks": np.zeros((count, 2, 2), np.float32), "valid": np.ones(count, np.float32), "size": np.array([10.0, 20]),
    }  # fmt: skip


def test_how_far_detections_are_apart():
    boxes = [[0, 0, 5, 10], [5, 10, 10, 20]]
    one = detections(boxes, [0.9, 0.8], [1, 2])
    assert TASK.difference(one, one) == 0
    swapped = detections(boxes[::-1], [0.8, 0.9], [2, 1])
    assert TASK.difference(one, swapped) == 0  # the order does not count
    assert TASK.difference(one, detections(boxes, [0.9, 0.6], [1, 2])) == pytest.approx(0.2)
    moved = detections([[1, 0, 5, 10], boxes[1]], [0.9, 0.8], [1, 2])
    assert TASK.difference(one, moved) == pytest.approx(0.1)  # a tenth of the height
    assert TASK.difference(one, detections(boxes[:1], [0.9], [1])) == pytest.approx(0.8)  # the score of what is missing
    assert TASK.difference(one, detections(boxes, [0.9, 0.8], [1, 1])) == pytest.approx(0.8)
