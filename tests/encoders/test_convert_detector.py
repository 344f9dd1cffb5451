"""torchvision's Mask R-CNN, randomly initialized, against ours with its converted weights."""

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from kseg.cli.main import main
from kseg.cli.weights import Weights
from kseg.datasets.coco.categories import CATEGORIES, row_names
from kseg.encoders.torch_detector import head_weights, named_anew
from kseg.errors import UsageError
from kseg.inference import class_order, load_model
from kseg.structures.masks import Masks
from kseg.tasks import TASKS
from kseg.tasks.instance.decoding import pasted_in_whole_pixels

CLASSES = 5
SIDES = (96, 128)


@pytest.fixture(autouse=True)
def forget():
    yield
    keras.utils.clear_session(free_memory=False)


@pytest.fixture(scope="module")
def theirs(torch, detection):
    """A network with the paper's sizes whose random weights find something."""
    torch.manual_seed(0)
    network = detection.maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=CLASSES, min_size=min(SIDES)
    )
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            last = name.endswith("bn3")  # a block adds a little to what it gets, so that fifty of them do not explode
            module.weight.data.uniform_(0.1, 0.3) if last else module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.3, 0.3)
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.01, 2)
    # deltas of a fraction of a box, and logits that no probability of float32 is 0 or 1 by
    for head, scale in (
        (network.rpn.head.bbox_pred, 0.2), (network.roi_heads.box_predictor.bbox_pred, 0.5),
        (network.roi_heads.mask_predictor.mask_fcn_logits, 0.05),
    ):  # fmt: skip
        head.weight.data.mul_(scale)
        head.bias.data.normal_(0, 0.1)
    return network.eval()


@pytest.fixture(scope="module")
def picture():
    noise = np.random.default_rng(1).uniform(0, 255, (6, 8, 3))
    return np.kron(noise, np.ones((16, 16, 1))).astype("float32")


@pytest.fixture(scope="module")
def expected(torch, theirs, picture):
    """Boxes, scores, classes and masks (28, 28) within the boxes, as arrays of ours."""
    with torch.no_grad():
        images, _ = theirs.transform([torch.from_numpy(picture.transpose(2, 0, 1) / 255)])
        features = theirs.backbone(images.tensors)
        proposals, _ = theirs.rpn(images, features)
        (found,), _ = theirs.roi_heads(features, proposals, images.image_sizes)
    return {
        "boxes": found["boxes"].numpy()[:, [1, 0, 3, 2]],
        "scores": found["scores"].numpy(),
        "classes": found["labels"].numpy(),
        "masks": found["masks"].numpy()[:, 0],
    }


@pytest.fixture(scope="module")
def model(torch, theirs, tmp_path_factory):
    """Ours, out of the command."""
    folder = tmp_path_factory.mktemp("converted")
    file, out = folder / "theirs.pth", folder / "ours.keras"
    torch.save(theirs.state_dict(), file)
    names = ["background", "cat", "dog", "hen", "owl"]
    assert main(["weights", "convert", str(file), "-o", str(out), "--classes", *names]) == 0
    model, card = load_model(out)
    assert card.classes == tuple(names) and card.task == "instance" and card.input_size == "original"
    return model


def test_boxes_scores_and_masks_are_theirs(model, picture, expected):
    """Each of their detections is found with the same box, class, score and mask; and nothing else is."""
    found = {name: np.asarray(value)[0] for name, value in model(picture[None], training=False).items()}
    there = found["valid"] > 0
    assert there.sum() == len(expected["scores"]) > 20
    assert len({*expected["classes"]}) > 1 and np.ptp(expected["scores"]) > 0.1 and np.ptp(expected["masks"]) > 0.2
    for box, score, label, mask in zip(*expected.values(), strict=True):
        alike = np.flatnonzero(there & (found["classes"] == label))
        apart = np.abs(found["boxes"][alike] - box).max(axis=1)
        nearest = alike[np.argmin(apart)]
        assert apart.min() < 1e-4 * max(SIDES)
        assert abs(found["scores"][nearest] - score) < 1e-4
        assert np.abs(found["masks"][nearest] - mask).max() < 1e-4


def test_masks_are_pasted_as_torchvision_does(torch, detection, model, picture):
    """Into boxes of whole pixels, also over the border; a network of ours has the rule in its outputs."""
    found = {name: np.asarray(value) for name, value in model(picture[None], training=False).items()}
    assert found["whole_pixels"].tolist() == [[1.0]]
    rng = np.random.default_rng(2)
    masks, size = rng.random((40, 28, 28)), (40, 50)
    corners, sides = rng.uniform(0, 35, (40, 2)), rng.uniform(0.3, 30, (40, 2))
    boxes = np.minimum(np.concatenate([corners, corners + sides], axis=1), (*size, *size))
    pictures = detection.roi_heads.paste_masks_in_image(
        torch.from_numpy(masks[:, None]), torch.from_numpy(boxes[:, [1, 0, 3, 2]]), size
    )
    for mask, box, expected in zip(masks, boxes, pictures[:, 0].numpy() >= 0.5, strict=True):
        cut = pasted_in_whole_pixels(mask, box, size)
        np.testing.assert_array_equal(Masks(size, (cut,)).array()[0], expected)


def test_safetensors_give_the_same_network(theirs, model, tmp_path):
    file, out = tmp_path / "theirs.safetensors", tmp_path / "ours.keras"
    save_file({name: np.ascontiguousarray(tensor.numpy()) for name, tensor in theirs.state_dict().items()}, file)
    assert main(["weights", "convert", str(file), "-o", str(out)]) == 0
    for weight, same in zip(load_model(out)[0].get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)


def test_files_from_before_2021_have_other_names_and_no_epsilon():
    state = {
        "backbone.fpn.inner_blocks.0.weight": 0, "backbone.fpn.layer_blocks.3.bias": 1, "rpn.head.conv.weight": 2,
        "roi_heads.mask_head.mask_fcn4.bias": 3, "backbone.body.layer1.0.bn1.weight": 4,
    }  # fmt: skip
    renamed, old = named_anew(state)
    assert old and list(renamed) == [
        "backbone.fpn.inner_blocks.0.0.weight", "backbone.fpn.layer_blocks.3.0.bias", "rpn.head.conv.0.0.weight",
        "roi_heads.mask_head.3.0.bias", "backbone.body.layer1.0.bn1.weight",
    ]  # fmt: skip
    assert named_anew(renamed) == (renamed, False)


def test_the_order_of_deltas_and_of_the_cells_of_a_box(torch, theirs):
    """(dx, dy, dw, dh) → (dy, dx, dh, dw) class by class, and channel c at (y, x) is found at (7·y + x)·256 + c."""
    state = {name: tensor.numpy() for name, tensor in theirs.state_dict().items()}
    weights = head_weights(state, "file")
    deltas = state["roi_heads.box_predictor.bbox_pred.bias"]
    np.testing.assert_array_equal(weights["box_delta"]["bias"][4:8], deltas[[5, 4, 7, 6]])
    kernel = state["roi_heads.box_head.fc6.weight"]
    assert weights["box_fc6"]["kernel"][(7 * 3 + 5) * 256 + 11, 2] == kernel[2, 11 * 49 + 3 * 7 + 5]
    transposed = state["roi_heads.mask_predictor.conv5_mask.weight"]
    assert weights["mask_upsample"]["kernel"][1, 0, 3, 7] == transposed[7, 3, 1, 0]


def test_rows_are_cocos_where_there_are_91():
    names = row_names(91)
    assert len({*names}) == 91 and names[90] == "toothbrush" and len(CATEGORIES) == 80
    assert [number for number in range(1, 91) if number not in CATEGORIES] == [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]


def test_another_detector_is_refused_in_a_sentence(torch, tmp_path):
    state = {"roi_heads.box_head.0.0.weight": torch.zeros(2, 2, 3, 3), "backbone.body.conv1.weight": torch.zeros(1)}
    torch.save(state, tmp_path / "v2.pth")
    file = tmp_path / "v2.pth"
    out = tmp_path / "out.keras"
    with pytest.raises(UsageError, match="other ones, such as its second version"):
        Weights("convert", file, out=out).run()
    with pytest.raises(UsageError, match="is a Mask R-CNN, which is mask_rcnn here, not fpn; leave fpn out"):
        Weights("convert", file, "fpn", out=out).run()
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(UsageError, match="--classes and --epsilon are for a detector, which other.pth is not"):
        Weights("convert", tmp_path / "other.pth", out=out, epsilon=0.0).run()


def test_a_detector_of_more_classes_is_measured_on_the_datas_alone():
    order = class_order(("background", "cat", "dog", "hen"), ("background", "Hen", "cat"), further=True)
    assert order == (0, 3, 1)
    outputs = {"classes": np.array([3, 2, 1, 0]), "valid": np.array([1.0, 1.0, 1.0, 0.0], "float32")}
    found = TASKS["instance"].reordered(outputs, order)
    assert found["valid"].tolist() == [1, 0, 1, 0] and found["classes"][[0, 2]].tolist() == [1, 2]
    with pytest.raises(UsageError, match="the model's classes are"):
        class_order(("background", "cat", "dog"), ("background", "cat"))
