"""The loss of objects: its parts by hand, places without influence, refusals, and that training finds objects."""

import keras
import numpy as np
import pytest
from keras import ops
from narrow import tiny_registered

from kseg.errors import UsageError
from kseg.layers import encode_boxes
from kseg.layers.boxes import HEAD_WEIGHTS
from kseg.losses import LOSSES
from kseg.models import build, transfer_weights
from kseg.pipeline.frozen import split_frozen
from kseg.structures import Instances
from kseg.tasks import TASKS
from kseg.tasks.instance.loss import PARTS, InstanceLoss, mask_spec, mask_targets, smooth_l1
from kseg.tasks.instance.targets import MOST_BOXES, MOST_OBJECTS, WHOLE
from kseg.training.trained import Objective, Trained

TINY = {
    "base_width": 4, "pyramid_width": 16, "box_width": 32, "mask_width": 16, "mask_convolutions": 1,
    "proposals": 32, "candidates": 32, "rois": 32, "detections": 4,
}  # fmt: skip


def array(x):
    return np.asarray(ops.convert_to_numpy(x))


def squares(*places, size=(64, 64)):
    """Objects as (top, left, bottom, right), all of class 1, and their image, light on a dark ground."""
    masks = np.zeros((len(places), *size), bool)
    image = np.full((*size, 3), 40, np.uint8)
    for number, (top, left, bottom, right) in enumerate(places):
        masks[number, top:bottom, left:right] = True
        image[top:bottom, left:right] = 200
    return Instances.of(masks, [1] * len(places)), image


def targets_of(*truths):
    made = [TASKS["instance"].targets(2)(truth, None) for truth in truths]
    return {name: np.stack([one[name] for one in made]) for name in made[0]}


class OfFixedHeads(InstanceLoss):
    """The loss for given outputs of the heads, with 4 anchors and 4 boxes sampled."""

    def __init__(self, spec, *, logits=None, deltas=None, masks=None, reduction="mean"):
        super().__init__(spec, reduction=reduction)
        say = {
            "box_align": lambda inputs: inputs[0],
            "box_flatten": lambda x: x,
            "box_fc6": lambda x: x,
            "box_fc7": lambda x: x,
            "box_class": lambda x: logits(x),
            "box_delta": lambda x: deltas(x),
            "box_delta_of_class": lambda x: x,
        }
        self._box_head = say
        self._mask_head = {
            "mask_align": lambda inputs: inputs[0],
            "mask_fold": lambda x: x,
            "mask_upsample": lambda x: x,
            "mask_logits": lambda x: masks(x),
            "mask_unfold": lambda inputs: inputs[0],
        }
        self._anchors, self._rois = 4, 8


FAR = [50.0, 50.0, 60.0, 60.0]


def outputs_of(anchors, proposals, *, logits, deltas):
    count = len(proposals)
    return {
        "anchors": np.array(anchors, "float32"),
        "rpn_logits": np.array([logits], "float32"),
        "rpn_deltas": np.array([deltas], "float32"),
        "proposals": np.array([proposals + [[0.0] * 4] * (32 - count)], "float32"),
        "features": [],
        "chance_anchors": np.linspace(0.9, 0.1, len(anchors))[None],
        "chance_rois": np.linspace(0.9, 0.1, 32)[None],
    }


def test_anchors_by_hand():
    """One positive anchor of three that count: log(1 + e^−2), and twice log(1 + e^1); its delta is off by 1."""
    truth, _ = squares((0, 0, 10, 10))
    anchors = [[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 5.0], FAR, [40.0, 0.0, 50.0, 10.0]]
    deltas = [[1.0, 0.0, 0.0, 0.0], *[[9.0] * 4] * 3]
    outputs = outputs_of(anchors, [], logits=[2.0, 9.0, 1.0, 1.0], deltas=deltas)
    found = OfFixedHeads("mask=bce")._of_anchors(targets_of(truth), outputs)
    assert array(found["rpn_objectness"])[0] == pytest.approx((np.log1p(np.exp(-2)) + 2 * np.log1p(np.exp(1))) / 3)
    assert array(found["rpn_box"])[0] == pytest.approx((1 - 1 / 18) / 3)


def test_boxes_and_masks_by_hand():
    """A good proposal, a bad one, and the object's own box, which is positive too: four boxes less one that is none."""
    truth, _ = squares((0, 0, 20, 20))
    good, bad = [0.0, 0.0, 20.0, 16.0], FAR
    outputs = outputs_of([FAR], [good, bad], logits=[0.0], deltas=[[0.0] * 4])

    def logits(x):  # the same for every box: background 0, object 1
        return ops.ones_like(x[..., :1]) * ops.convert_to_tensor([0.0, 1.0])

    def deltas(x):  # none for the background, 1 down for the object
        return ops.ones_like(x[..., None, :1]) * ops.convert_to_tensor([[9.0] * 4, [1.0, 0.0, 0.0, 0.0]])

    def masks(x):  # of class 1 the logit 3 everywhere, of the background −7
        ones = ops.ones((*x.shape[:2], 28, 28, 1))
        return ones * ops.convert_to_tensor([-7.0, 3.0])

    found = OfFixedHeads("mask=bce", logits=logits, deltas=deltas, masks=masks)._of_rois(targets_of(truth), outputs)
    background, of_object = np.log1p(np.exp(1)), np.log1p(np.exp(-1))
    assert array(found["box_class"])[0] == pytest.approx((background + 2 * of_object) / 3)
    wanted = array(encode_boxes([[0.0, 0.0, 20.0, 20.0]], [good], weights=HEAD_WEIGHTS))
    off = [float(smooth_l1(ops.convert_to_tensor([1.0, 0, 0, 0] - wanted))[0]), 1 - 1 / 18]
    assert array(found["box_regression"])[0] == pytest.approx(sum(off) / 3, rel=1e-5)
    # both positive boxes lie wholly within the object: log(1 + e^−3) in every cell
    assert array(found["mask"])[0] == pytest.approx(np.log1p(np.exp(-3)), rel=1e-5)


def test_smooth_l1_by_hand():
    # β = 1/9: at 0.1 a square, ½·0.01·9; at 1 a line, 1 − 1/18; the two meet at β
    assert array(smooth_l1(ops.convert_to_tensor([[0.1, 0.0, 0.0, 0.0], [1.0, -1.0, 0.0, 0.0]]))) == pytest.approx(
        [0.045, 2 - 1 / 9]
    )


def test_the_mask_target_of_the_own_box_is_the_mask():
    rng = np.random.default_rng(0)
    mask = np.kron(rng.random((28, 28)) < 0.5, np.ones((2, 2), bool))[None]
    mask[0, 0, :] = mask[0, -1, :] = mask[0, :, 0] = mask[0, :, -1] = True  # the box is the whole image
    truth = Instances.of(mask, [1])
    targets = targets_of(truth)
    made = mask_targets(targets, targets["boxes"][:, :1], np.zeros((1, 1), "int32"), 28)
    expected = mask[0].reshape(28, 2, 28, 2).mean((1, 3)) >= 0.5
    np.testing.assert_array_equal(array(made)[0, 0], expected)


def test_beyond_its_own_box_an_object_has_no_pixel():
    """One box is twice as wide as the object: half of its target is 0; another lies beside it: all of its target is."""
    truth, _ = squares((10, 10, 30, 20))
    rois = np.array([[[10.0, 10.0, 30.0, 30.0], [40.0, 40.0, 50.0, 50.0], [15.0, 10.0, 20.0, 15.0]]], "float32")
    made = array(mask_targets(targets_of(truth), rois, np.zeros((1, 3), "int32"), 28))[0]
    assert made[0, :, :14].all() and not made[0, :, 14:].any()
    assert not made[1].any() and made[2].all()


def test_the_text_of_the_loss():
    assert mask_spec("mask=bce + dice") == mask_spec("bce + dice") == mask_spec(" mask = bce + dice ") == "bce + dice"


@pytest.mark.parametrize(
    ("spec", "said"),
    [("mask=bcd", "bce"), ("mask=", "no sum"), ("mask=mumford_shah", "image")],
)
def test_a_loss_that_masks_cannot_have_is_refused_at_once(spec, said):
    with pytest.raises(UsageError, match=said):
        TASKS["instance"].loss(spec, reduction="mean")
    with pytest.raises(UsageError, match=said):
        TASKS["instance"].check_losses(spec)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return build("mask_rcnn", num_classes=2, input_shape=(64, 64, 3), activation=None, **TINY)


def batch(*scenes):
    truths, images = zip(*scenes, strict=True)
    return np.stack(images), targets_of(*truths)


TWO = [squares((4, 4, 30, 24), (34, 30, 60, 58)), squares((10, 30, 40, 60))]


@pytest.fixture(scope="module")
def seen(network):
    """The outputs of the network for two images, and their targets."""
    images, targets = batch(*TWO)
    return network(images), targets


def value_of(loss, outputs, targets):
    value, parts = loss.value_and_parts(targets, outputs)
    return float(value), {name: float(part) for name, part in parts.items()}


def of_one_channel():
    names = [name for name, loss in LOSSES.items() if "binary" in loss.problems and loss.reads != "image"]
    return [*names, "bce + 0.5*dice", "dice(pooling='batch')"]


@pytest.mark.parametrize("spec", of_one_channel())
def test_every_loss_of_one_channel_is_a_loss_of_masks(network, seen, spec):
    loss = InstanceLoss(f"mask={spec}", reduction="mean").bound(network)
    value, parts = value_of(loss, *seen)
    assert list(parts) == list(PARTS) and np.isfinite(list(parts.values())).all()
    assert value == pytest.approx(sum(parts.values()), rel=1e-5)
    assert parts["mask"] != 0


def test_the_sum_over_images_is_so_many_means(network, seen):
    mean, total = (
        value_of(InstanceLoss("bce", reduction=reduction).bound(network), *seen)[0] for reduction in ("mean", "sum")
    )
    assert total == pytest.approx(2 * mean, rel=1e-5)


def test_what_stands_in_places_of_no_object_moves_nothing(network, seen):
    outputs, targets = seen
    loss = InstanceLoss("mask=bce", reduction="mean").bound(network)
    before = value_of(loss, outputs, targets)
    scrambled = {name: array.copy() for name, array in targets.items()}
    empty = targets["valid"] == 0
    assert empty.sum() == 2 * MOST_BOXES - 3
    scrambled["boxes"][empty], scrambled["classes"][empty] = [0, 0, 64, 64], 1
    scrambled["masks"][empty[:, :MOST_OBJECTS]] = WHOLE
    assert value_of(loss, outputs, scrambled) == before


def test_programs_of_one_shape_give_the_same_loss(network, seen, monkeypatch):
    """Backends that compile every shape anew compute all places, other backends only places with an object."""
    loss = InstanceLoss("mask=bce + dice", reduction="mean").bound(network)
    before = value_of(loss, *seen)[1]
    monkeypatch.setattr(InstanceLoss, "_needed", lambda self, counts, most: most)
    assert value_of(loss, *seen)[1] == pytest.approx(before, rel=1e-5)


def test_an_image_without_an_object_has_a_loss(network):
    nothing = Instances.of(np.zeros((0, 64, 64), bool), []), np.zeros((64, 64, 3), np.uint8)
    loss = InstanceLoss("mask=bce + dice", reduction="mean").bound(network)
    images, targets = batch(nothing)
    _, parts = value_of(loss, network(images), targets)
    assert parts["rpn_objectness"] > 0 and parts["box_class"] > 0
    assert parts["rpn_box"] == parts["box_regression"] == parts["mask"] == 0


def test_cached_features_of_a_frozen_encoder_have_the_same_loss():
    keras.utils.set_random_seed(0)
    with tiny_registered() as encoder:
        whole = build(
            "mask_rcnn", num_classes=2, input_shape=(64, 64, 3), activation=None, encoder=encoder,
            trainable_from="none", **TINY,
        )  # fmt: skip
    split, (images, targets) = split_frozen(whole), batch(*TWO)
    assert split is not None and not any(layer.name == "preprocess" for layer in split.head.layers)
    loss = InstanceLoss("mask=bce + dice", reduction="mean")
    _, expected = value_of(loss.bound(whole), whole(images), targets)
    _, found = value_of(loss.bound(Trained(split.head)), split.head(split.extractor(images)), targets)
    assert found == pytest.approx(expected, rel=1e-4) and found["mask"] > 0


def test_half_precision_has_nearly_the_same_loss(network, seen):
    images, targets = batch(*TWO)
    loss = InstanceLoss("mask=bce", reduction="mean")
    expected, _ = value_of(loss.bound(network), *seen)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = build("mask_rcnn", num_classes=2, input_shape=(64, 64, 3), activation=None, **TINY)
    finally:
        keras.config.set_dtype_policy(before)
    transfer_weights(network, half)
    value, parts = loss.bound(half).value_and_parts(targets, half(images))
    assert {keras.backend.standardize_dtype(one.dtype) for one in (value, *parts.values())} == {"float32"}
    assert float(value) == pytest.approx(expected, rel=0.05)


def test_a_loss_without_a_network_says_so(seen):
    outputs, targets = seen
    with pytest.raises(ValueError, match="bound"):
        InstanceLoss("mask=bce", reduction="mean").value_and_parts(targets, outputs)


def test_training_by_it_finds_two_squares_and_their_masks():
    """One step after another on the same two images: AP of masks above 0.9."""
    keras.utils.set_random_seed(1)
    wide = {**TINY, "base_width": 8, "box_width": 64}
    network = build("mask_rcnn", num_classes=2, input_shape=(64, 64, 3), activation=None, **wide)
    images, targets = batch(*TWO)
    trained, task = Trained(network), TASKS["instance"]
    loss = task.loss("mask=bce", reduction="mean").bound(trained)
    rate = keras.optimizers.schedules.PolynomialDecay(2e-3, 60, 4e-5)
    trained.prepare(Objective(loss, []), optimizer=keras.optimizers.Adam(rate), jit_compile=False)
    trained.optimizer.build(trained.trainable_variables)  # within a step, which would be traced again
    first, *_, last = trained.fit(images, targets, batch_size=2, epochs=60, verbose=0, shuffle=False).history["loss"]
    assert last < 0.5 * first
    outputs = task.of_each_image(task.activated(trained(images, training=False)))
    evaluator = task.evaluator(["background", "square"])
    for (truth, _), given in zip(TWO, outputs, strict=True):
        evaluator.add(truth, given)
    circumstances = {"dataset": "squares", "split": "train", "ids": ("a", "b"), "original_size": True}
    scores = evaluator.result({**circumstances, "input_size": None, "seconds": 1.0}).masks
    assert scores["AP50"] > 0.9 and scores["AP"] > 0.6, scores
