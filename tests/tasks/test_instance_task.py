"""Objects as targets and back, by hand; outputs of a network as objects; files, drawings and figures."""

import json

import keras
import numpy as np
import pytest
from PIL import Image
from scenes import SIZE, image_of, instances

from kseg.cli.main import main
from kseg.datasets import DATASETS, DataOptions, Dataset, Record
from kseg.datasets.images import contrasting_palette
from kseg.datasets.relabel import Relabel
from kseg.errors import Failure, UsageError
from kseg.inference import ModelCard, evaluate, save_model
from kseg.structures import Instances
from kseg.structures.masks import Cut
from kseg.tasks import TASKS
from kseg.tasks.instance import InstanceEvaluation
from kseg.tasks.instance.decoding import DETECTIONS, pasted
from kseg.tasks.instance.evaluation import FIGURES
from kseg.tasks.instance.mistakes import compare, outline
from kseg.tasks.instance.targets import MASK_SIDE, MOST_BOXES, MOST_OBJECTS, WHOLE, largest, mask_in_box
from kseg.tasks.instance.writing import coco_results, run_lengths
from kseg.tasks.mistakes import FALSE_NEGATIVE, FALSE_POSITIVE, MIXED_UP

CLASSES, PALETTE = ("background", "thing"), ((0, 0, 0), (250, 40, 40))
TASK = TASKS["instance"]


def rectangle(top, left, bottom, right, size=(40, 60)):
    mask = np.zeros(size, bool)
    mask[top:bottom, left:right] = True
    return mask


def test_a_mask_in_its_box_by_hand():
    # Box 0..3 × 0..2 in two cells each way: cells of 1.5 × 1 pixels. Row 0 of the mask is 1, so the upper cells are
    # covered by 1 of their 1.5 pixels.
    inside = np.array([[True, True], [False, False], [False, False]])
    np.testing.assert_allclose(
        mask_in_box(Cut(inside), np.array([0.0, 0, 3, 2]), 2), [[2 / 3, 2 / 3], [0, 0]], rtol=1e-6
    )
    # A box that reaches beyond the mask: nothing is there.
    np.testing.assert_allclose(mask_in_box(Cut(inside[:1], 1, 0), np.array([0.0, 0, 2, 4]), 2), [[0, 0], [1, 0]])


def test_a_mask_is_pasted_by_the_centers_of_pixels():
    # Columns: box 0.6 … 2.4 has the center 1.5 alone; rows: 0.4 … 2.5 the centers 0.5 and 1.5.
    assert pasted(np.ones((4, 4)), np.array([0.4, 0.6, 2.5, 2.4])) == Cut(np.ones((2, 1), bool), 0, 1)
    # The mask rises from 0 to 1 along a row of four pixels: centers at 0, ¼, ¾ and 1 between the centers of two cells.
    assert pasted(np.array([[0.0, 1.0]]), np.array([0.0, 0, 1, 4])) == Cut(np.ones((1, 2), bool), 0, 2)
    assert not pasted(np.ones((4, 4)), np.array([0.6, 0.6, 0.9, 0.9])).inside.size


@pytest.mark.parametrize("seed", range(20))
def test_large_objects_come_back_to_a_few_pixels(seed):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:300, :400] + 0.5
    radii, tilt = rng.uniform(60, 140, 2), rng.uniform(-0.4, 0.4)
    mask = ((y - 150) / radii[0]) ** 2 + ((x - 200 + tilt * (y - 150)) / radii[1]) ** 2 < 1
    truth = Instances.of(mask[None], [1])
    answer = TASK.decode(TASK.perfect_outputs(TASK.targets(2)(truth, None), 2))
    both, either = (answer.masks[0] & mask).sum(), (answer.masks[0] | mask).sum()
    assert both / either > 0.99


def test_the_largest_objects_are_trained_on():
    sides = [1 + (7 * number) % 23 for number in range(23)]
    crowd = [number == 0 for number in range(23)]
    masks = [rectangle(0, 0, side, 2 * side, (24, 48)) for side in sides]
    masks[0] = rectangle(0, 0, 24, 48, (24, 48))  # a crowd over all, and an object without a pixel
    masks[1] = np.zeros((24, 48), bool)
    truth = Instances.of(np.stack(masks), [1] * 23, crowd=crowd)
    kept = largest(truth, 20)
    smallest = int(np.argmin([99, 99, *sides[2:]]))
    assert kept.tolist() == [number for number in range(2, 23) if number != smallest]
    assert 0 in largest(truth, 22) and 1 not in largest(truth, 23)
    targets = TASK.targets(2)(truth, None)
    assert targets["valid"].sum() == 22 and targets["crowd"].sum() == 1
    assert targets["size"].tolist() == [24, 48]


def test_of_five_hundred_objects_the_smallest_are_neither_to_be_found_nor_background():
    """The largest objects have a mask each; the boxes of the others are treated as those of crowds."""
    masks = np.zeros((600, 30, 80), bool)
    for number in range(600):
        top, left = divmod(number, 40)
        masks[number, 2 * top, 2 * left] = True
        masks[number, 2 * top + 1, 2 * left] = number % 10 == 3  # every tenth has two pixels
    targets = TASK.targets(2)(Instances.of(masks, [1] * 600), None)
    learned, known = targets["crowd"][:MOST_BOXES] == 0, targets["valid"] == 1
    assert known.sum() == MOST_BOXES and (learned & known).sum() == MOST_OBJECTS == learned[:MOST_OBJECTS].sum()
    heights = (targets["boxes"][:, 2] - targets["boxes"][:, 0])[:MOST_OBJECTS]
    assert (heights == 2).sum() == 60 and (targets["masks"] == WHOLE).all()
    assert len({*map(tuple, targets["boxes"].tolist())}) == MOST_BOXES  # none comes twice


def test_no_object_is_no_target():
    nothing = Instances.of(np.zeros((0, 8, 8), bool), [])
    targets = TASK.targets(2)(nothing, None)
    assert targets["valid"].sum() == 0 and targets["masks"].shape == (MOST_OBJECTS, MASK_SIDE, MASK_SIDE)
    assert len(TASK.decode(TASK.perfect_outputs(targets, 2))) == 0


def detections(*, boxes, scores, size=(40, 60), side=4):
    count = len(boxes)
    return {
        "boxes": np.array(boxes, np.float32).reshape(count, 4),
        "scores": np.array(scores, np.float32),
        "classes": np.ones(count, np.int32),
        "masks": np.ones((count, side, side), np.float32),
        "valid": np.ones(count, np.float32),
        "size": np.array(size, np.float32),
    }


def test_a_detection_is_scaled_and_cut_at_the_border():
    outputs = detections(boxes=[[-4, 6, 20, 30], [50, 70, 60, 80]], scores=[0.9, 0.8])
    answer = TASK.decode(outputs, (80, 180))  # 2 × 3 as large; the second box lies outside
    assert answer.boxes.tolist() == [[0, 18, 40, 90]]
    assert answer.masks == Instances.of(rectangle(0, 18, 40, 90, (80, 180))[None], [1]).masks
    assert len(TASK.decode(outputs, threshold=0.95)) == 0


def test_outputs_that_mean_nothing_are_refused():
    batch = {name: value[None] for name, value in detections(boxes=[[0, 0, 4, 4]], scores=[0.5]).items()}
    with pytest.raises(Failure, match="nan or infinity"):
        TASK.of_each_image({**batch, "boxes": batch["boxes"] * np.nan})
    with pytest.raises(UsageError, match=r"gives scores from 0 to 3 where probabilities"):
        TASK.of_each_image({**batch, "scores": batch["scores"] * 6})
    image = keras.Input((None, None, 3))
    assert "it should give boxes, scores" in TASK.misfit(keras.Model(image, image), CLASSES)


def test_weights_of_pixels_and_classes_are_refused():
    with pytest.raises(UsageError, match="--class-weights have no meaning for a network that finds objects"):
        TASK.loss("mask=bce", reduction="mean", class_weights=(1.0, 2.0))
    with pytest.raises(UsageError, match="--pixel-weights have no meaning"):
        TASK.loss("mask=bce", reduction="mean", pixel_weights="border")


def test_a_crowd_is_neither_found_nor_missed():
    masks = np.stack([rectangle(0, 0, 20, 20), rectangle(20, 20, 40, 60)])
    truth = Instances.of(masks, [1, 1], crowd=[False, True])
    evaluator = TASK.evaluator(CLASSES, void=255)
    # The first object, and two detections in the crowd, which are no mistakes.
    outputs = detections(boxes=[[0, 0, 20, 20], [20, 20, 40, 40], [20, 40, 40, 60]], scores=[0.5, 0.9, 0.8])
    assert len(evaluator.add(truth, outputs)) == 3
    result = evaluator.result(
        {"dataset": "d", "split": "test", "ids": ("a",), "original_size": True, "input_size": None, "seconds": 1.0}
    )
    assert result.masks["AP"] == pytest.approx(1.0) and result.boxes["AP50"] == pytest.approx(1.0)
    assert result.outlines["AP"] == pytest.approx(1.0)
    assert result.objects.tolist() == [1] and result.detections.tolist() == [3]
    assert result.class_scores["AP"] == {"thing": pytest.approx(1.0)} == result.class_scores["AP50"]
    assert (result.missed.tolist(), result.misnamed.tolist(), result.false.tolist()) == ([0], [0], [0])


def test_boundary_ap_asks_more_than_mask_ap():
    """An object of 30×40 pixels found two pixels off: its mask overlaps by 0.9, its outline, one pixel wide, hardly."""
    truth = Instances.of(rectangle(4, 6, 34, 46)[None], [1])
    evaluator = TASK.evaluator(CLASSES, void=255)
    evaluator.add(truth, detections(boxes=[[4, 8, 34, 48]], scores=[0.9]))
    result = evaluator.result(
        {"dataset": "d", "split": "test", "ids": ("a",), "original_size": True, "input_size": None, "seconds": 1.0}
    )
    # masks: 30·38 / (30·42) = 0.905, found at 0.5 … 0.9; outlines: two rows of 38 of 136 pixels each
    assert result.masks["AP"] == pytest.approx(0.9) and result.outlines["AP"] == 0
    assert result.scores()["boundary_AP50"] == 0 and result.beside()["boundary AP"] == 0


def evaluation_of_three():
    """Images with two, no and one object; each figure is another number."""
    masks, boxes, outlines = ({name: number / 20 for number, name in enumerate(FIGURES, start)} for start in (1, 2, 3))
    return InstanceEvaluation(
        dataset="d", split="test", classes=CLASSES, ids=("a", "b", "c"), masks={**masks, "APs": float("nan")},
        boxes=boxes, outlines=outlines,
        class_scores={
            "AP": {"thing": 0.5}, "AP50": {"thing": 0.75}, "box_AP": {"thing": float("nan")},
            "boundary_AP": {"thing": 0.25},
        },
        interval=(0.25, float("nan")), per_image=np.array([0.75, np.nan, 0.25]), objects=np.array([2, 0, 1]),
        detections=np.array([3, 0, 2]), missed=np.array([1, 0, 1]), misnamed=np.array([0, 0, 1]),
        false=np.array([0, 2, 0]), original_size=True, seconds=2.0, input_size=(8, 8),
    )  # fmt: skip


def test_an_evaluation_is_read_back(tmp_path):
    evaluation = evaluation_of_three()
    text = json.dumps(evaluation.to_json(), allow_nan=False)
    again = TASK.read_evaluation(text)
    assert isinstance(again, InstanceEvaluation) and again.to_json() == evaluation.to_json()
    assert again.masks["AP"] == 0.05 and np.isnan(again.masks["APs"]) and np.isnan(again.per_image[1])
    assert again.interval[0] == 0.25 and np.isnan(again.interval[1])
    assert again.order().tolist() == [2, 0, 1]
    assert again.write_tables(tmp_path) == ["per_image.csv", "per_class.csv"]
    lines = (tmp_path / "per_image.csv").read_text().split()
    assert lines[0] == "id,ap,objects,detections,missed,misnamed,false"
    assert lines[1:] == ["c,0.250000,1,2,1,1,0", "a,0.750000,2,3,1,0,0", "b,,0,0,0,0,2"]
    lines = (tmp_path / "per_class.csv").read_text().split()
    assert lines == ["class,AP,AP50,box_AP,boundary_AP", "thing,0.500000,0.750000,,0.250000"]
    content = evaluation.to_json()
    for broken in (
        {"scores": {}}, {"objects": [1]}, {"scores": {**content["scores"], "AP_class": 3}}, {"task": "semantic"},
    ):  # fmt: skip
        with pytest.raises(UsageError, match="no evaluation of objects"):
            InstanceEvaluation.from_json({**content, **broken})
    # an evaluation from before boundary AP was counted
    older = {name: value for name, value in content["scores"].items() if not name.startswith("boundary_")}
    read = InstanceEvaluation.from_json({**content, "scores": older})
    assert np.isnan(read.outlines["AP"]) and np.isnan(read.class_scores["boundary_AP"]["thing"])
    assert read.boxes == evaluation.boxes


def test_mistakes_in_words():
    evaluation = evaluation_of_three()
    assert [evaluation.mistakes(index) for index in range(3)] == [
        "2 objects: 1 missed", "0 objects: 2 too many", "1 object: 1 missed, 1 of another class",
    ]  # fmt: skip
    assert any("2 of 3 objects are missed and 2 detections match no object" in said for said in evaluation.remarks())


def test_what_becomes_of_objects_and_detections():
    """Five objects in a row of ten columns each; detections that find, double, misname, miss and make up."""
    columns = [rectangle(0, 10 * n, 40, 10 * n + 10) for n in range(5)]
    truth = Instances.of(np.stack(columns), [1, 1, 2, 1, 1], crowd=[False, False, False, False, True])
    nowhere = rectangle(10, 52, 20, 60)
    prediction = Instances.of(
        np.stack([columns[0], columns[0], columns[2], nowhere, columns[4], columns[4]]), [1, 1, 1, 1, 1, 2],
        scores=[0.6, 0.9, 0.8, 0.7, 0.9, 0.9],
    )  # fmt: skip
    became = compare(truth, prediction)
    assert became.found.tolist() == [False, True, False, False, True, False]  # the surer of two, and one in the crowd
    assert became.misnamed.tolist() == [False, False, True, False, False, False]
    assert became.false.tolist() == [True, False, False, True, False, True]
    assert became.missed.tolist() == [False, True, False, True, False]

    image = np.full((40, 60, 3), 200, np.uint8)
    shown = TASK.draw_mistakes(image, truth, prediction)
    gray = round(110 + 0.5 * 200)
    for (y, x), color in (
        ((5, 15), FALSE_NEGATIVE), ((5, 25), MIXED_UP), ((15, 55), FALSE_POSITIVE), ((5, 35), FALSE_NEGATIVE),
    ):  # fmt: skip
        np.testing.assert_allclose(shown[y, x], 0.85 * np.array(color) + 0.15 * gray, atol=1)
    assert shown[39, 55].tolist() == [gray] * 3


def test_run_lengths_by_hand():
    assert run_lengths(np.array([[False, True, True], [False, True, False]])) == [2, 3, 1]
    assert run_lengths(np.ones((2, 2), bool)) == [0, 4]
    assert run_lengths(np.zeros((2, 2), bool)) == [4]


def test_the_json_is_what_pycocotools_reads():
    coco_mask = pytest.importorskip("pycocotools.mask")
    truth = instances(3, 2, clean=True)
    for entry, mask in zip(coco_results(truth), truth.masks, strict=True):
        coded = coco_mask.frPyObjects(entry["segmentation"], *entry["segmentation"]["size"])
        np.testing.assert_array_equal(coco_mask.decode(coded).astype(bool), mask)
        assert coco_mask.toBbox(coded).tolist() == entry["bbox"]


def test_more_objects_than_8_bits_count_are_written(tmp_path):
    masks = np.zeros((300, 20, 20), bool)
    masks[np.arange(300), np.arange(300) // 20, np.arange(300) % 20] = True
    TASK.write(tmp_path / "many.png", Instances.of(masks, [1] * 300), PALETTE)
    ids = np.array(Image.open(tmp_path / "many.png"))
    assert ids.max() == 300 and ids[14, 19] == 300 and ids[15, 0] == 0
    assert len(json.loads((tmp_path / "many.json").read_text())) == 300


def test_detections_are_drawn_with_their_boxes():
    image = image_of(1).repeat(8, axis=0).repeat(8, axis=1)  # large enough for texts within the boxes
    truth = instances(1, 2, clean=True).resized(image.shape[:2])
    scored = Instances.of(truth.masks, truth.classes, scores=np.linspace(0.5, 0.9, len(truth)))
    palette = contrasting_palette(2)
    plain, framed = (TASK.draw(image, answer, palette) for answer in (truth, scored))
    named, otherwise = (TASK.draw(image, scored, palette, classes=("", name)) for name in ("person", "ox"))
    assert (plain != framed).any() and (framed != named).any() and (named != otherwise).any()
    # Objects of one class have colors of their own, the same in truth and prediction, as `kseg data preview` paints.
    first, second = (truth.masks.chosen([index]).array()[0] for index in (0, 1))
    flat = np.zeros_like(image)
    colors = [{tuple(pixel) for pixel in TASK.draw(flat, truth, palette)[mask]} for mask in (first, second)]
    assert colors[0].isdisjoint(colors[1])
    assert outline(np.ones((3, 3), bool)).sum() == 8


class Scenes(Dataset):
    """Ellipses; the red channel of an image is 25 times the number of the object that a pixel is of."""

    name, title, reads_files, tasks = "scenes", "ellipses", False, ("instance",)
    legend = Relabel(CLASSES, PALETTE)

    def all_records(self, split):
        return [Record(f"{split}{number}") for number in range(3)]

    def identity(self, record):
        return record.id

    def read_instances(self, record):
        return instances(int(record.id[-1]), 2, clean=True)

    def read_image(self, record):
        image = image_of(int(record.id[-1]))
        image[..., 0] = 25 * self.truth(record, "instance").id_map()
        return image


class Boxed(keras.layers.Layer):
    """The objects of which the red channel tells, as detections with masks as large as the picture."""

    def call(self, images):
        ops = keras.ops
        numbers = 25.0 * ops.arange(1, 9, dtype="float32")[None, :, None, None]
        masks = ops.cast(ops.abs(images[:, None, :, :, 0] - numbers) < 1.0, "float32")
        scores = ops.max(masks, axis=(2, 3))
        whole = ops.convert_to_tensor([0.0, 0.0, *map(float, SIZE)])
        size = ops.convert_to_tensor([float(side) for side in SIZE])
        return {
            "boxes": whole + ops.zeros_like(scores)[..., None],
            "scores": scores * 0.9,
            "classes": ops.ones_like(scores, "int32"),
            "masks": masks,
            "valid": scores,
            "size": size + 0 * scores[:, :1],
        }


@pytest.fixture
def model():
    image = keras.Input((*SIZE, 3))
    return keras.Model(image, Boxed()(image))


def test_a_model_is_measured_by_its_masks(model):
    assert set(model.output) == set(DETECTIONS)
    dataset = Scenes(DataOptions("scenes"))
    evaluation = evaluate(model, dataset, "test", image_size=SIZE, progress=False, task=TASK)
    assert evaluation.masks["AP"] == pytest.approx(1.0) and evaluation.boxes["AP"] < 0.2
    assert evaluation.headline == ("mask AP", evaluation.masks["AP"])
    assert evaluation.ids == ("test0", "test1", "test2")


@keras.saving.register_keras_serializable("kseg")
class Whole(keras.layers.Layer):
    """One detection a picture, all of it."""

    def call(self, images):
        ops = keras.ops
        one = ops.ones_like(images[:, :1, 0, 0])
        shape = ops.cast(ops.convert_to_tensor(ops.shape(images)[1:3]), "float32")
        size = one * shape[None, :]
        return {
            "boxes": ops.concatenate([0 * size, size], axis=1)[:, None, :],
            "scores": 0.75 * one,
            "classes": ops.cast(one, "int32"),
            "masks": ops.ones_like(images[:, :1, :2, :1])[:, :, :, 0][:, :, :, None] * ops.ones((1, 1, 1, 2)),
            "valid": one,
            "size": size,
        }


def test_the_command_line_predicts_and_measures_objects(monkeypatch, tmp_path, capsys):
    len(DATASETS)  # the room is imported now, and not into the copy
    monkeypatch.setattr(DATASETS, "_entries", dict(DATASETS._entries))
    DATASETS.register("scenes")(Scenes)
    image = keras.Input((None, None, 3))
    path = tmp_path / "whole.keras"
    save_model(keras.Model(image, Whole()(image)), path, ModelCard(CLASSES, PALETTE, SIZE, task="instance"))
    Image.fromarray(np.zeros((30, 50, 3), np.uint8)).save(tmp_path / "photo.png")
    out = tmp_path / "out"
    assert main(["predict", str(path), str(tmp_path / "photo.png"), "--out", str(out)]) == 0
    assert sorted(file.name for file in out.iterdir()) == ["photo.json", "photo.png", "photo_overlay.png"]
    (found,) = json.loads((out / "photo.json").read_text())
    assert (found["bbox"], found["score"], found["category_id"]) == ([0, 0, 50, 30], 0.75, 1)
    assert (np.array(Image.open(out / "photo.png")) == 1).all()

    assert main(["evaluate", str(path), "--dataset", "scenes", "--out", str(tmp_path / "measured")]) == 0
    assert "AP50" in capsys.readouterr().out
    stored = InstanceEvaluation.from_json((tmp_path / "measured" / "evaluation.json").read_text())
    assert stored.masks["AP"] == 0 and stored.detections.tolist() == [1, 1, 1]

    for refused in (["--crf"], ["--probabilities", "npy"]):
        assert main(["predict", str(path), str(tmp_path / "photo.png"), "--out", str(out), *refused]) == 2
        assert "the model answers the task 'instance'" in capsys.readouterr().err
