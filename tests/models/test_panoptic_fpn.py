"""Panoptic FPN: weights by arithmetic, what users get, thresholds that a file carries, and what is refused."""

import keras
import numpy as np
import pytest
from counting import RESNET50, counts, unallocated
from keras import ops
from narrow import tiny_registered

from kseg.errors import UsageError
from kseg.models import build, transfer_weights
from kseg.models.panoptic_fpn import with_fusion
from kseg.pipeline.frozen import split_frozen
from kseg.structures import FusionOptions
from kseg.tasks.panoptic.decoding import ANSWERS, fusion_of, misfit

TINY = {
    "pyramid_width": 8, "head_width": 8, "box_width": 8, "mask_width": 8, "mask_convolutions": 1,
    "smallest_anchor": 16, "candidates": 20, "proposals": 32, "rois": 16, "detections": 6,
}  # fmt: skip

IMAGE = np.random.default_rng(0).integers(0, 256, (2, 45, 70, 3)).astype("uint8")
THINGS = (0, 3)
"""of four classes"""


def tiny(**options):
    keras.utils.set_random_seed(0)
    return build("panoptic_fpn", num_classes=4, things=THINGS, **{"base_width": 4, **TINY, **options})


def array(x):
    return np.asarray(ops.convert_to_numpy(x))


def test_weights_on_resnet50_with_the_classes_of_coco():
    """80 things and 53 kinds of stuff, as detectron2's panoptic_fpn_R_50: one pyramid, the heads of Mask R-CNN with 80
    classes and "no object", the semantic head with 53 + 1 channels."""
    found = counts(unallocated("panoptic_fpn", num_classes=133, things=range(80), encoder="resnet50"))
    c = (256, 512, 1024, 2048)
    pyramid = sum(f * 256 + 256 for f in c) + 4 * (9 * 256 * 256 + 256)
    proposals = 9 * 256 * 256 + 256 + 3 * 257 + 12 * 257
    boxes = 49 * 256 * 1024 + 1024 + 1024 * 1024 + 1024 + 81 * 1025 + 4 * 81 * 1025
    masks = 4 * (9 * 256 * 256 + 256) + 4 * 256 * 256 + 256 + 81 * 257
    # P5 is convolved three times, P4 twice, P3 and P2 once: seven convolutions without a bias, of which four read the
    # pyramid, and seven normalizations of two numbers a channel
    semantic = 4 * 9 * 256 * 128 + 3 * 9 * 128 * 128 + 7 * 2 * 128 + 54 * 129
    assert sum(count for name, count in found.items() if name.startswith(("head", "score"))) == semantic == 1_630_774
    assert sum(found.values()) == pyramid + proposals + boxes + masks + semantic == 22_523_435
    # detectron2's box deltas and masks have no entry for "no object": 4 · 1025 and 257 fewer; its ResNet-50 has the
    # convolutions alone, ours a bias and four numbers of a normalization for each of their 26,560 channels
    assert 22_523_435 - 4 * 1025 - 257 + RESNET50 - 5 * 26_560 == 45_973_990


def test_what_users_get():
    model = tiny()
    assert misfit(model.output, ["a", "b", "c", "d"]) == ""
    assert "among 4 classes" in misfit(model.output, ["a", "b"])
    found = {name: array(value) for name, value in model(IMAGE).items()}
    assert set(found) == set(ANSWERS)
    assert found["semantic"].shape == (2, 45, 70, 3) and found["semantic"].dtype == "float32"
    np.testing.assert_allclose(found["semantic"].sum(-1), 1, atol=1e-6)
    assert found["things"].tolist() == [[1, 0, 0, 1]] * 2
    np.testing.assert_array_equal(found["fusion"], np.array([[0.8, 0.4, 256]] * 2, np.float32))
    assert set(found["classes"][found["valid"] == 1].tolist()) <= set(THINGS) and found["valid"].any()


def test_the_size_of_training_gives_what_any_size_gives():
    training, users = tiny(input_shape=(45, 70, 3), activation=None), tiny()
    transfer_weights(training, users)
    expected, found = training(IMAGE), users(IMAGE)
    logits = array(expected["semantic_logits"])
    assert logits.shape == (2, 45, 70, 3) and logits.std() > 0
    for name in ANSWERS:
        np.testing.assert_allclose(array(found[name]), array(expected[name]), atol=1e-3, err_msg=name)


def test_the_features_of_a_frozen_encoder_can_stand_for_the_image():
    with tiny_registered() as encoder:
        model = tiny(input_shape=(45, 70, 3), activation=None, encoder=encoder, trainable_from="none")
    split = split_frozen(model)
    assert split is not None
    expected, found = model(IMAGE), split.head(split.extractor(IMAGE))
    for name in (*ANSWERS, "semantic_logits"):
        np.testing.assert_allclose(array(found[name]), array(expected[name]), atol=1e-4, err_msg=name)


def test_half_precision_leaves_thresholds_whole():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tiny(input_shape=(32, 64, 3), stuff_area=4097)
    finally:
        keras.config.set_dtype_policy(before)
    found = {name: array(value) for name, value in model(IMAGE[:, :32, :64]).items()}
    np.testing.assert_array_equal(found["fusion"], np.array([[0.8, 0.4, 4097]] * 2, np.float32))
    assert found["semantic"].dtype == "float32" and np.isfinite(found["semantic"]).all()


def test_a_file_keeps_the_thresholds_it_was_given(tmp_path):
    model = tiny(confidence=0.25)
    with_fusion(model, confidence=0.7, overlap=0.125, stuff_area=100_000)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    given = {name: array(value)[0] for name, value in again(IMAGE).items()}
    assert fusion_of(given) == FusionOptions(0.7, 0.125, 100_000)
    with pytest.raises(UsageError, match="has no thresholds to set"):
        with_fusion(build("unet", base_width=4), confidence=0.5, overlap=0.5, stuff_area=1)


@pytest.mark.parametrize(
    ("name", "things", "complaint"),
    [
        ("panoptic_fpn", [1, 4], r"things holds 4, but class ids are 0\.\.3"),
        ("panoptic_fpn", [], "no class is a thing"),
        ("panoptic_fpn", range(4), "every class is a thing"),
        ("mask_rcnn", [1], "things are for panoptic networks, and mask_rcnn is for 'instance'"),
    ],
)
def test_things_that_make_no_sense_are_refused(name, things, complaint):
    with pytest.raises(UsageError, match=complaint):
        build(name, num_classes=4, things=things)
