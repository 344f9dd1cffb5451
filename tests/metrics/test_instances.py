"""AP and AR against pycocotools on drawn cases and on COCO's own images, and arithmetic by hand."""

import contextlib
import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

import kseg.metrics as m
from kseg.errors import UsageError
from kseg.metrics.boundary import boundary_width, inner_band
from kseg.structures import Instances, Masks

coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is the witness")
cocoeval = pytest.importorskip("pycocotools.cocoeval")
rle = pytest.importorskip("pycocotools.mask")

NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


class BoundaryEval(cocoeval.COCOeval):
    """Cheng et al.'s rule in COCO's program: the smaller of two IoUs, but for crowds."""

    def computeIoU(self, image, category):
        whole = super().computeIoU(image, category)
        true, detected = self._gts[image, category], self._dts[image, category]
        if not len(true) or not len(detected):
            return whole
        ranked = [detected[i] for i in np.argsort([-d["score"] for d in detected], kind="mergesort")][:100]
        crowd = [int(t["iscrowd"]) for t in true]
        bands = rle.iou([_band(d) for d in ranked], [_band(t) for t in true], crowd)
        return np.where(np.array(crowd, bool), whole, np.minimum(whole, bands))


def _band(annotation):
    mask = rle.decode(annotation["segmentation"]).astype(bool)
    width = boundary_width(mask.shape, 0.02)
    return rle.encode(np.asfortranarray(inner_band(mask, None, width), dtype=np.uint8))


def theirs(truth, results, kind):
    """pycocotools' twelve figures and AP per class; nan for its −1."""
    with contextlib.redirect_stdout(io.StringIO()):
        true = coco.COCO()
        true.dataset = truth
        true.createIndex()
        detected = true.loadRes(results) if results else coco.COCO()
        program = (BoundaryEval if kind == "boundary" else cocoeval.COCOeval)(
            true, detected, "bbox" if kind == "boxes" else "segm"
        )
        program.evaluate()
        program.accumulate()
        program.summarize()
    precision = program.eval["precision"][:, :, :, 0, 2]
    return np.where(program.stats == -1, np.nan, program.stats), np.array(
        [np.nan if (p == -1).all() else p.mean() for p in np.moveaxis(precision, 2, 0)]
    )


def coco_file(images, categories):
    """From (truth, prediction, areas) of every image: COCO's truth and results."""
    truth = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 3 * c + 1, "name": str(c)} for c in range(categories)],
    }
    results = []
    for number, (true, predicted, areas) in enumerate(images):
        height, width = true.size
        truth["images"].append({"id": number, "height": height, "width": width})
        for objects, entries in ((true, truth["annotations"]), (predicted, results)):
            for row in range(len(objects)):
                y1, x1, y2, x2 = objects.boxes[row].tolist()
                entry = {
                    "image_id": number,
                    "category_id": 3 * int(objects.classes[row]) + 1,
                    "segmentation": rle.encode(np.asfortranarray(objects.masks[row], dtype=np.uint8)),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                }
                if objects is true:
                    entry |= {"id": len(entries) + 1, "area": float(areas[row]), "iscrowd": int(true.crowd[row])}
                else:
                    entry |= {"score": float(predicted.scores[row])}
                entries.append(entry)
    return truth, results


def as_kind(results, kind):
    """Of a result with a box loadRes takes the box's area: masks are handed over alone."""
    return [{k: v for k, v in r.items() if k != ("segmentation" if kind == "boxes" else "bbox")} for r in results]


def drawn(rng, size, count, classes, *, base=None):
    """`count` rectangles and ellipses; from objects of `base`, moved a little, where it is given."""
    masks = np.zeros((count, *size), bool)
    labels = rng.integers(0, classes, count)
    rows, columns = np.mgrid[: size[0], : size[1]]
    for index in range(count):
        if base is not None and len(base) and rng.random() < 0.8:
            which = int(rng.integers(len(base)))
            masks[index] = np.roll(base.masks[which], rng.integers(-2, 3, 2), (0, 1))
            labels[index] = base.classes[which] if rng.random() < 0.9 else labels[index]
            continue
        (y, x), (h, w) = rng.integers(0, size), rng.integers(2, np.maximum(3, np.array(size) // rng.integers(1, 6)))
        inside = (rows >= y) & (rows < y + h) & (columns >= x) & (columns < x + w)
        masks[index] = inside if rng.random() < 0.5 else inside & ((rows - columns) % 7 > 1)
    masks[~masks.any(axis=(1, 2)), 0, 0] = True
    return masks, labels


def case(seed):
    """Some images of one data set: crowds, empty images, ties in scores, classes without objects or detections."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(1, 5))
    side = int(rng.choice([24, 60, 130]))
    images = []
    for _ in range(int(rng.integers(1, 6))):
        size = side, side + int(rng.integers(0, 9))
        masks, labels = drawn(rng, size, int(rng.choice([0, 1, 3, 8])), classes)
        truth = Instances.of(masks, labels, crowd=rng.random(len(labels)) < 0.2)
        masks, labels = drawn(rng, size, int(rng.choice([0, 2, 9, 25])), classes, base=truth)
        scores = rng.integers(0, 6, len(labels)) / 5 if rng.random() < 0.5 else rng.random(len(labels))
        areas = truth.masks.areas() + rng.choice([0.0, 0.5], len(truth))  # of polygons: not whole
        images.append((truth, Instances.of(masks, labels, scores=scores), areas))
    return images, classes + int(rng.integers(0, 2))  # a class that occurs nowhere


def ours(images, classes, kind):
    scores = m.InstanceScores(classes, kind)
    for truth, prediction, areas in images:
        scores.add(truth, prediction, areas=areas)
    return scores


@pytest.mark.parametrize("kind", ["masks", "boxes", "boundary"])
def test_drawn_cases_equal_pycocotools(kind):
    interesting = 0
    for seed in range(200):
        images, classes = case(seed)
        scores = ours(images, classes, kind)
        truth, results = coco_file(images, classes)
        figures, of_classes = theirs(truth, as_kind(results, kind), kind)
        np.testing.assert_allclose(list(scores.summary().values()), figures, rtol=0, atol=1e-9, err_msg=f"case {seed}")
        np.testing.assert_allclose(scores.class_ap(), of_classes, rtol=0, atol=1e-9)
        interesting += 0 < figures[0] < 1
    assert list(scores.summary()) == list(NAMES)
    assert interesting > 100


def test_more_than_a_hundred_detections_and_one_weak_regular_object():
    """The best hundred count; a regular object is preferred to a crowd that overlaps more."""
    rng = np.random.default_rng(5)
    masks, labels = drawn(rng, (40, 40), 130, 1)
    truth = Instances.of(masks[:20], labels[:20], crowd=np.arange(20) % 3 == 0)
    prediction = Instances.of(masks, labels, scores=rng.random(130).round(1))
    images = [(truth, prediction, truth.masks.areas())]
    truth_file, results = coco_file(images, 1)
    for kind in ("masks", "boxes", "boundary"):
        figures, _ = theirs(truth_file, as_kind(results, kind), kind)
        np.testing.assert_allclose(list(ours(images, 1, kind).summary().values()), figures, rtol=0, atol=1e-9)


@pytest.fixture(scope="module")
def coco_sample(tmp_path_factory):
    """The shared sample's validation objects and detections made of them: moved, lost, of another class, invented."""
    archive = Path(os.environ.get("KSEG_DATA", "")) / "coco" / "tiny_coco.tar"
    if not os.environ.get("KSEG_DATA") or not archive.is_file():
        pytest.skip("set KSEG_DATA for COCO's sample")
    with tarfile.open(archive) as tar:
        truth = json.load(tar.extractfile("annotations/instances_val2017.json"))
    with contextlib.redirect_stdout(io.StringIO()):
        index = coco.COCO()
        index.dataset = truth
        index.createIndex()
    rng = np.random.default_rng(0)
    results = []
    for annotation in truth["annotations"]:
        for _ in range(int(rng.integers(0, 4))):
            mask = np.roll(index.annToMask(annotation), rng.integers(-6, 7, 2), (0, 1))
            encoded = rle.encode(np.asfortranarray(mask))
            category = annotation["category_id"] if rng.random() < 0.8 else int(rng.choice(index.getCatIds()))
            results.append(
                {
                    "image_id": annotation["image_id"],
                    "category_id": category,
                    "score": round(float(rng.random()), 2),
                    "segmentation": encoded,
                    "bbox": rle.toBbox(encoded).tolist(),
                }
            )
    return index, truth, results


@pytest.mark.parametrize("kind", ["masks", "boxes", "boundary"])
def test_coco_images_equal_pycocotools(coco_sample, kind):
    index, truth, results = coco_sample
    figures, of_classes = theirs(json.loads(json.dumps(truth)), as_kind(results, kind), kind)
    rows = {category: row for row, category in enumerate(sorted(index.getCatIds()))}
    scores = m.InstanceScores(len(rows), kind)
    for image in sorted(index.getImgIds()):
        height, width = (index.imgs[image][side] for side in ("height", "width"))
        true, found = index.loadAnns(index.getAnnIds(image)), [r for r in results if r["image_id"] == image]
        sides = []
        for entries in (true, found):
            encoded = [index.annToRLE(a) if "id" in a else a["segmentation"] for a in entries]
            masks = np.array([rle.decode(e) for e in encoded], bool).reshape(-1, height, width)
            corners = np.array([[y, x, y + h, x + w] for x, y, w, h in (a["bbox"] for a in entries)]).reshape(-1, 4)
            labels = [rows[a["category_id"]] for a in entries]
            inside = np.minimum(corners, [height, width, height, width])  # off by 1e-14 at the edge
            sides.append((masks, labels, inside))
        scores.add(
            Instances.of(*sides[0][:2], boxes=sides[0][2], crowd=[a["iscrowd"] for a in true]),
            Instances.of(*sides[1][:2], boxes=sides[1][2], scores=[r["score"] for r in found]),
            areas=[a["area"] for a in true],
        )
    np.testing.assert_allclose(list(scores.summary().values()), figures, rtol=0, atol=1e-9)
    np.testing.assert_allclose(scores.class_ap(), of_classes, rtol=0, atol=1e-9)
    assert 0.05 < figures[0] < 0.95


def squares(corners, **options):
    """Squares of 4 pixels a side at (row, column) in an image of 20×20."""
    masks = np.zeros((len(corners), 20, 20), bool)
    for mask, (y, x) in zip(masks, corners, strict=True):
        mask[y : y + 4, x : x + 4] = True
    return Instances.of(masks, np.zeros(len(corners), int), **options)


def test_one_image_by_hand():
    truth = squares([(0, 0), (10, 10)])
    # the first is exact; the second misses by one column: 12 of 20 pixels; the third is nowhere
    prediction = squares([(0, 0), (10, 11), (15, 0)], scores=[0.9, 0.5, 0.7])
    scores = m.InstanceScores(1)
    scores.add(truth, prediction)
    summary = scores.summary()
    # ranking: right, wrong, and at IoU ≥ .6 right: precision 1, ½, ⅔ at recall ½, ½, 1; 51 of 101 recalls are ≤ ½
    with_both, with_one = (51 * 1 + 50 * 2 / 3) / 101, 51 / 101
    assert summary["AP50"] == pytest.approx(with_both)
    assert summary["AP75"] == pytest.approx(with_one)
    assert summary["AP"] == pytest.approx((3 * with_both + 7 * with_one) / 10)  # .5, .55, .6 and the seven above
    assert summary["AR1"] == 0.5
    assert summary["AR100"] == pytest.approx((3 * 1 + 7 * 0.5) / 10)
    assert summary["APs"] == summary["AP"] and np.isnan(summary["APm"])


def test_a_crowd_is_neither_found_nor_missed():
    truth = squares([(0, 0), (10, 10)], crowd=[False, True])
    prediction = squares([(0, 0), (10, 10), (10, 12)], scores=[0.5, 0.9, 0.8])
    scores = m.InstanceScores(1)
    scores.add(truth, prediction)  # both on the crowd are ignored: half of the second lies on it, which is enough at ½
    assert scores.summary()["AP50"] == pytest.approx(1)  # COCO's precision has an epsilon in it
    assert scores.summary()["AR100"] == 1
    only_crowds = m.InstanceScores(1)
    only_crowds.add(squares([(0, 0)], crowd=[True]), prediction)
    assert np.isnan(only_crowds.summary()["AP"])


def test_nothing_to_find_and_nothing_found():
    nothing, one = squares([], scores=[]), squares([(0, 0)], scores=[1.0])
    for truth, prediction, expected in ((nothing, nothing, np.nan), (nothing, one, np.nan), (one, nothing, 0.0)):
        scores = m.InstanceScores(2)
        scores.add(truth, prediction)
        np.testing.assert_equal(scores.summary()["AP"], expected)
        np.testing.assert_equal(scores.class_ap(), [expected, np.nan])
    assert np.isnan(m.InstanceScores(2).summary()["AP"])


def test_the_ap_of_images_and_its_interval():
    images, classes = case(3)
    many = [image for seed in range(3, 9) for image in case(seed)[0] if image[0].classes.size]
    scores = ours(many, 4, "masks")
    alone = [ours([image], 4, "masks").summary()["AP"] for image in many]
    np.testing.assert_allclose(scores.image_ap(), alone, rtol=1e-12)
    interval = scores.interval(resamples=100)
    assert interval.value == pytest.approx(scores.summary()["AP"], rel=1e-12)
    assert interval.low < interval.value < interval.high
    assert interval == scores.interval(resamples=100)


def test_a_resample_is_the_data_set_with_its_images_repeated():
    many = [image for seed in range(20, 26) for image in case(seed)[0]]
    drawn_images = [0, 0, 2, 3, 3, 3]
    weights = np.bincount(drawn_images, minlength=len(many)).astype(float)
    distinct = []
    for number, (truth, prediction, areas) in enumerate(many):  # ties between images would be ranked by their order
        shifted = np.clip(prediction.scores * 0.9 + number * 1e-4 + np.arange(len(prediction)) * 1e-7, 0, 1)
        distinct.append((truth, Instances.of(prediction.masks, prediction.classes, scores=shifted), areas))
    repeated = ours([distinct[i] for i in drawn_images], 5, "masks").summary()["AP"]
    assert ours(distinct, 5, "masks")._weighted_ap(weights[None])[0] == pytest.approx(repeated, rel=1e-12)


def test_what_does_not_fit_is_refused_with_a_sentence():
    one = squares([(0, 0)], scores=[1.0])
    scores = m.InstanceScores(1)
    with pytest.raises(UsageError, match="valid: boxes, masks, boundary"):
        m.InstanceScores(1, "circles")
    with pytest.raises(UsageError, match="no scores to rank"):
        scores.add(one, squares([(0, 0)]))
    with pytest.raises(UsageError, match="different sizes"):
        scores.add(one, Instances.of(np.zeros((0, 3, 3), bool), [], scores=[]))
    with pytest.raises(UsageError, match=r"the prediction holds the class 1 outside 0\.\.0"):
        scores.add(one, Instances.of(one.masks, [1], scores=[0.5]))
    with pytest.raises(UsageError, match="no image"):
        scores.interval()
    assert scores.images == 0


def test_overlaps_by_hand():
    assert m.box_overlap([[0, 0, 2, 2]], [[1, 1, 3, 4]], [False]) == pytest.approx(1 / 9)  # the lecture's
    assert m.box_overlap([[0, 0, 2, 2]], [[1, 1, 3, 4]], [True]) == pytest.approx(1 / 4)
    assert m.box_overlap([[1, 1, 1, 3]], [[1, 1, 1, 3]], [False]) == 0
    empty = Masks.of(np.zeros((1, 4, 4), bool))
    assert m.mask_overlap(empty, empty, [False]) == 0
    solid = Masks.of(np.ones((1, 40, 30), bool))  # diagonal 50: bands of one pixel
    holed = np.ones((1, 40, 30), bool)
    holed[0, 15, 15] = False
    rim = 2 * 40 + 2 * 30 - 4  # and the eight pixels around the hole
    assert m.boundary_overlap(solid, Masks.of(holed), [False]) == pytest.approx(rim / (rim + 8))
    assert m.boundary_overlap(solid, Masks.of(holed), [True]) == pytest.approx((40 * 30 - 1) / (40 * 30))
