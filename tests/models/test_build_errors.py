"""What `build` and `transfer_weights` refuse, each in one sentence with the value received and the way out."""

import pytest
from narrow import narrow

from kseg.errors import UsageError
from kseg.models import build, model_names, transfer_weights

REFUSED = [
    ({"name": "unett"}, r"unknown model 'unett'; did you mean 'unet'.*valid: bfcn32s, .*unet_mobilenetv2"),
    ({"name": "transformer"}, r"unknown model 'transformer'; .*valid: bfcn32s, deeplab_largefov"),
    ({"head_width": 8}, r"unet has no option 'head_width'; its options: base_width"),
    ({"zeta": 1, "alpha": 2}, r"no option 'alpha', 'zeta'; its options: base_width"),
    (
        {"name": "bfcn32s", "base_width": 8},
        r"bfcn32s has no option .base_width.; its options: head_width",
    ),
    ({"base_width": 0}, r"base_width of unet is 0; it must be at least 1 and at most 65536, such as the default, 64"),
    ({"base_width": -4}, r"base_width of unet is -4; it must be at least 1"),
    ({"base_width": 2.5}, r"base_width of unet is 2\.5; it must be a whole number, such as the default, 64"),
    ({"base_width": "wide"}, r"base_width of unet is 'wide'; it must be a whole number"),
    ({"num_classes": 1}, r"num_classes is 1; wanted 2\.\.255, including background"),
    ({"num_classes": 0}, r"num_classes is 0; wanted 2\.\.255"),
    ({"num_classes": 256}, r"num_classes is 256; wanted 2\.\.255"),
    ({"num_classes": 2.5}, r"num_classes is 2\.5; wanted 2\.\.255"),
    ({"num_classes": True}, r"num_classes is True; wanted 2\.\.255"),
    (
        {"input_shape": (64, 64)},
        r"input_shape is \(64, 64\); wanted \(height, width, 3\), None for a size that varies",
    ),
    ({"input_shape": (64, 64, 1)}, r"input_shape is \(64, 64, 1\); wanted \(height, width, 3\)"),
    ({"input_shape": (0, 64, 3)}, r"input_shape is \(0, 64, 3\); wanted \(height, width, 3\)"),
    ({"input_shape": (64, -1, 3)}, r"input_shape is \(64, -1, 3\); wanted \(height, width, 3\)"),
    ({"input_shape": (64.5, 64, 3)}, r"input_shape is \(64\.5, 64, 3\); wanted \(height, width, 3\)"),
    ({"input_shape": ()}, r"input_shape is \(\); wanted \(height, width, 3\)"),
    ({"input_shape": (1, 64, 64, 3)}, r"input_shape is \(1, 64, 64, 3\); wanted \(height, width, 3\)"),
    ({"activation": "softmax"}, r"activation is 'softmax'; wanted 'auto' \(probabilities\) or None \(logits\)"),
    ({"weights": "imagenet"}, r"unet has no encoder to put the weights 'imagenet' into; name one with --encoder"),
    ({"weights": "file.h5"}, r"unet has no encoder to put the weights 'file\.h5' into; name one with --encoder"),
    ({"name": "bfcn32s", "head_width": 8, "trainable_from": "block9"}, r"no layer of vgg16 is called 'block9'.*block5"),
    (
        {"name": "bfcn32s", "head_width": 8, "upscore_start": "random"},
        r"unknown upscore_start of bfcn32s 'random'; .*valid: bilinear, glorot",
    ),
    (
        {"name": "bfcn32s", "head_width": 8, "input_shape": (32, 32, 3), "weights": "no.h5"},
        r"there is no weights file no\.h5",
    ),
    (
        {"name": "bfcn32s", "head_width": 8, "input_shape": (32, 32, 3), "weights": "imagnet"},
        r"pass --weights none, imagenet or",
    ),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED, ids=lambda value: str(value)[:60])
def test_refused_in_one_sentence(arguments, sentence):
    with pytest.raises(UsageError, match=sentence) as caught:
        build(**{"name": "unet", **arguments})
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_every_network_is_offered():
    with pytest.raises(UsageError) as caught:
        build("")
    assert str(caught.value).endswith(f"valid: {', '.join(model_names())}")


def test_weights_do_not_move_between_networks_that_differ():
    network = narrow("unet", input_shape=(8, 8, 3))
    with pytest.raises(UsageError, match="differ in layers classifier; build both with the same name, num_classes and"):
        transfer_weights(network, narrow("unet", num_classes=3))
    with pytest.raises(UsageError, match="unet and unet differ in layers encoder1_1_conv, "):
        transfer_weights(network, build("unet", base_width=2))


def test_weights_do_not_move_between_architectures():
    before = (target := narrow("unet", input_shape=(8, 8, 3))).get_weights()
    with pytest.raises(UsageError, match="bfcn32s and unet differ in layers block1_conv1"):
        transfer_weights(narrow("bfcn32s", input_shape=(32, 32, 3)), target)
    assert all((old == new).all() for old, new in zip(before, target.get_weights(), strict=True))
