"""Mask R-CNN: weights by arithmetic, what it gives in training and to users, any size, half precision, frozen front."""

import keras
import numpy as np
import pytest
from counting import RESNET50, counts, unallocated
from keras import ops
from narrow import tiny_registered

from kseg.errors import UsageError
from kseg.models import build, transfer_weights
from kseg.pipeline.frozen import split_frozen
from kseg.tasks.instance.decoding import DETECTIONS, misfit

TINY = {
    "pyramid_width": 8, "box_width": 8, "mask_width": 8, "mask_convolutions": 2, "smallest_anchor": 16,
    "candidates": 20, "proposals": 32, "rois": 16, "detections": 6,
}  # fmt: skip

IMAGE = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3)).astype("uint8")


def tiny(**options):
    keras.utils.set_random_seed(0)
    return build("mask_rcnn", **{"base_width": 4, **TINY, **options})


def array(x):
    return np.asarray(ops.convert_to_numpy(x))


def test_weights_on_resnet50_are_the_papers():
    """With 91 classes as many as torchvision's maskrcnn_resnet50_fpn: 44,401,393, of which its encoder has 23,454,912
    in convolutions; Keras' ResNet-50 has biases and normalizations besides."""
    found = counts(unallocated("mask_rcnn", num_classes=91, encoder="resnet50"))
    c = (256, 512, 1024, 2048)
    pyramid = sum(f * 256 + 256 for f in c) + 4 * (9 * 256 * 256 + 256)
    proposals = 9 * 256 * 256 + 256 + 3 * 257 + 12 * 257
    boxes = 49 * 256 * 1024 + 1024 + 1024 * 1024 + 1024 + 91 * 1025 + 4 * 91 * 1025
    masks = 4 * (9 * 256 * 256 + 256) + 4 * 256 * 256 + 256 + 91 * 257
    assert sum(count for name, count in found.items() if name.startswith("fpn_")) == pyramid
    assert sum(count for name, count in found.items() if name.startswith("rpn_")) == proposals
    assert sum(count for name, count in found.items() if name.startswith("box_")) == boxes
    assert sum(count for name, count in found.items() if name.startswith("mask_")) == masks
    assert sum(found.values()) == pyramid + proposals + boxes + masks == 20_946_481
    channels = 26_560  # of all convolutions of ResNet-50, each with a bias and four numbers of its normalization
    assert 20_946_481 + RESNET50 - 5 * channels == 44_401_393


def test_the_mask_head_of_80_classes_has_the_papers_weights():
    """PAPERS' 2,643,280 are those of 80 classes; the background, which has a mask here as in torchvision, adds 257."""
    found = counts(unallocated("mask_rcnn", num_classes=81, encoder="resnet50"))
    assert sum(count for name, count in found.items() if name.startswith("mask_")) == 2_643_280 + 257


def test_what_users_get():
    model = tiny(num_classes=4)
    assert misfit(model.output) == ""
    found = {name: array(value) for name, value in model(IMAGE).items()}
    assert set(found) == set(DETECTIONS)
    shapes = {"boxes": (4,), "scores": (), "classes": (), "masks": (28, 28), "valid": ()}
    assert {name: found[name].shape for name in shapes} == {name: (2, 6, *shape) for name, shape in shapes.items()}
    assert found["size"].tolist() == [[64, 96], [64, 96]]
    assert found["classes"].dtype == "int32" and {found[name].dtype.name for name in DETECTIONS} == {"int32", "float32"}
    assert (np.diff(found["scores"], axis=1) <= 0).all()
    assert set(found["classes"][found["valid"] == 1].tolist()) <= {1, 2, 3}
    assert found["boxes"].min() >= 0 and (found["boxes"].max((0, 1)) <= [64, 96, 64, 96]).all()


def test_training_gives_what_the_loss_reads_too():
    model = tiny(input_shape=(64, 96, 3), activation=None)
    anchors = 3 * sum(rows * columns for rows, columns in ((16, 24), (8, 12), (4, 6), (2, 3), (1, 2)))
    found = keras.tree.map_structure(lambda tensor: tensor.shape, model.output)
    assert found["rpn_logits"] == found["chance_anchors"] == (None, anchors)
    assert found["rpn_deltas"] == (None, anchors, 4) and found["anchors"] == (anchors, 4)
    assert found["proposals"] == (None, 32, 4) and found["chance_rois"] == (None, 32)
    assert found["features"] == [(None, 16, 24, 8), (None, 8, 12, 8), (None, 4, 6, 8), (None, 2, 3, 8)]
    given = model(IMAGE)
    assert array(given["anchors"]).shape == (anchors, 4) and array(given["rpn_deltas"]).shape == (2, anchors, 4)


@pytest.mark.parametrize("encoder", [None, "tiny"])
def test_transferred_weights_give_the_same_detections(encoder):
    """From the fixed size of training, where maps are small and RoIAlign is a product, to any size: it gathers."""
    with tiny_registered():
        training = tiny(input_shape=(64, 96, 3), activation=None, encoder=encoder)
        users = tiny(encoder=encoder)
    transfer_weights(training, users)
    expected, found = training(IMAGE), users(IMAGE)
    assert array(expected["valid"]).any()
    for name in DETECTIONS:
        np.testing.assert_allclose(array(found[name]), array(expected[name]), atol=1e-3, err_msg=name)


@pytest.mark.parametrize("size", [(43, 37), (64, 32), (5, 3), (1, 1)], ids=str)
def test_any_size(size):
    found = tiny()(np.random.default_rng(1).integers(0, 256, (1, *size, 3)).astype("uint8"))
    assert array(found["size"]).tolist() == [list(size)]
    assert all(np.isfinite(array(value)).all() for value in found.values())
    assert (array(found["boxes"])[..., 2:] <= size).all()


def test_half_precision_computes_in_it_and_gives_float32():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tiny(input_shape=(64, 96, 3), activation=None)
    finally:
        keras.config.set_dtype_policy(before)
    given = model(IMAGE)
    assert {keras.backend.standardize_dtype(given[name].dtype) for name in ("rpn_logits", "boxes", "masks")} == {
        "float32"
    }
    assert keras.backend.standardize_dtype(given["features"][0].dtype) == "bfloat16"
    assert {w.dtype for w in model.trainable_weights} == {"float32"}
    assert all(np.isfinite(array(given[name])).all() for name in DETECTIONS)


def test_the_features_of_a_frozen_encoder_can_stand_for_the_image():
    with tiny_registered() as encoder:
        model = tiny(input_shape=(64, 96, 3), activation=None, encoder=encoder, trainable_from="none")
    split = split_frozen(model)
    assert split is not None
    expected, found = model(IMAGE), split.head(split.extractor(IMAGE))
    for name in (*DETECTIONS, "rpn_logits"):
        np.testing.assert_allclose(array(found[name]), array(expected[name]), atol=1e-4, err_msg=name)


def test_scales_and_outputs_are_refused():
    with pytest.raises(UsageError, match="--scales 0.5 1"):
        build("mask_rcnn", scales=(0.5, 1.0))
    with pytest.raises(UsageError, match="outputs is 2"):
        build("mask_rcnn", outputs=2)
