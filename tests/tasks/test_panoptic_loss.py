"""The loss of a panoptic network: its text, its sum by hand, and that training by it finds objects and stuff."""

import keras
import numpy as np
import pytest

from kseg.errors import UsageError
from kseg.losses import get
from kseg.models import build
from kseg.structures import Panoptic, Segment
from kseg.tasks import TASKS
from kseg.tasks.panoptic.loss import PanopticLoss, PanopticSpec
from kseg.training.trained import Objective, Trained

TASK = TASKS["panoptic"]
SKY, GRASS, DOG = range(3)
TINY = {
    "base_width": 8, "pyramid_width": 16, "head_width": 16, "box_width": 32, "mask_width": 16, "mask_convolutions": 1,
    "proposals": 32, "candidates": 32, "rois": 32, "detections": 4,
}  # fmt: skip
SIZE = (64, 64)


def scene(*places):
    """Light squares, the dogs, on dark green under blue; the truth and the image."""
    ids = np.full(SIZE, len(places) + 2, np.uint16)
    image = np.full((*SIZE, 3), (20, 90, 20), np.uint8)
    ids[:30], image[:30] = len(places) + 1, (40, 60, 160)
    for number, (top, left, bottom, right) in enumerate(places, start=1):
        ids[top:bottom, left:right], image[top:bottom, left:right] = number, 220
    return Panoptic(ids, (*[Segment(DOG, True)] * len(places), Segment(SKY, False), Segment(GRASS, False))), image


TWO = [scene((20, 4, 48, 30), (10, 38, 34, 60)), scene((16, 20, 44, 46))]


def batch():
    made = [TASK.targets(3, things=(DOG,))(truth, None) for truth, _ in TWO]
    return np.stack([image for _, image in TWO]), {name: np.stack([one[name] for one in made]) for name in made[0]}


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return build("panoptic_fpn", num_classes=3, things=(DOG,), input_shape=(*SIZE, 3), activation=None, **TINY)


def test_the_text_of_a_loss():
    spec = "semantic=ce + dice(smooth=1) ; mask = bce; lambda_s=2"
    assert PanopticSpec.read(spec) == ("bce", "ce + dice(smooth=1)", 1.0, 2.0)
    assert TASK.another_loss("mask=bce; semantic=ce", 3) == "mask=bce + dice; semantic=ce"


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("bce", "'bce' does not say whether it is for masks or for pixels"),
        ("dice(smooth=1); semantic=ce", "does not say whether it is for masks or for pixels"),
        ("mask=bce", "names no loss for semantic"),
        ("mask=; semantic=ce", "names no loss for mask"),
        ("", "names no loss for mask"),
        ("mask=bce; semantics=ce", "semantics"),
        ("mask=bce; semantic=ce; semantic=dice", "semantic comes twice"),
        ("mask=bce; semantic=ce; lambda_s=half", "lambda_s is 'half'; it must be a number of at least 0"),
        ("mask=bce; semantic=ce; lambda_i=-1", "at least 0"),
        ("mask=bce; semantic=cee", "cee"),
        ("mask=mumford_shah; semantic=ce", "which masks do not have"),
    ],
)
def test_what_is_no_loss_is_refused_before_any_is_made(spec, complaint):
    with pytest.raises(UsageError, match=complaint):
        TASK.check_losses(spec)
    with pytest.raises(UsageError, match=complaint):
        TASK.loss(spec, reduction="mean")


def test_the_sum_by_hand(network):
    images, targets = batch()
    outputs = network(images, training=False)
    spec = "mask=bce; semantic=ce + 0.5*dice; lambda_i=3; lambda_s=0.25"
    loss = TASK.loss(spec, reduction="mean").bound(network)
    value, parts = loss.value_and_parts(targets, outputs)
    parts = {name: float(part) for name, part in parts.items()}
    assert [f"loss_{name}" for name in parts] == [metric.name for metric in loss.part_metrics()]
    heads = parts["box_class"] + parts["box_regression"] + parts["mask"]
    first = parts["rpn_objectness"] + parts["rpn_box"]
    assert float(value) == pytest.approx(first + 3 * heads + 0.25 * parts["semantic"], rel=1e-6)
    expected = get("ce + 0.5*dice", from_logits=True)({"label": targets["label"]}, outputs["semantic_logits"])
    assert parts["semantic"] == pytest.approx(float(expected), rel=1e-6)
    assert parts["semantic"] == pytest.approx(parts["semantic_ce"] + 0.5 * parts["semantic_dice"], rel=1e-6)


def test_it_reads_what_the_loss_of_pixels_reads():
    loss = PanopticLoss("mask=bce; semantic=ce + boundary", reduction="sum")
    assert loss.reads == ("distance",)
    made = TASK.targets(3, things=(DOG,), reads=loss.reads)(TWO[0][0], None)
    assert made["distance"].shape == (*SIZE, 3)


def test_training_by_it_finds_the_dogs_and_what_is_around_them(network):
    """One step after another on the same two images: PQ above 0.7."""
    images, targets = batch()
    trained = Trained(network)
    loss = TASK.loss("mask=bce; semantic=ce", reduction="mean").bound(trained)
    rate = keras.optimizers.schedules.PolynomialDecay(3e-3, 60, 4e-5)
    trained.prepare(Objective(loss, []), optimizer=keras.optimizers.Adam(rate), jit_compile=False)
    trained.optimizer.build(trained.trainable_variables)  # within a step, which would be traced again
    trained.fit(images, targets, batch_size=2, epochs=60, verbose=0, shuffle=False)
    count = TASK.epoch_count(["sky", "grass", "dog"])
    outputs = TASK.of_each_image(TASK.activated(trained(images, training=False)))
    for (truth, _), given in zip(TWO, outputs, strict=True):
        count.add(truth, given)
    scores = count.figures()
    assert scores["pq"] > 0.7, scores
