"""PSPNet: weights as published, by arithmetic; the pyramid written plainly; the head that training alone has."""

import keras
import numpy as np
import pytest
from counting import RESNET50, counts, unallocated
from keras import ops
from narrow import light

from kseg.errors import UsageError
from kseg.layers import AuxiliaryScores
from kseg.models import MODELS, build, transfer_weights
from kseg.models.pspnet import BINS, pyramid_pooling
from kseg.models.transfer import auxiliary_layers

C = 21  # PASCAL VOC
BN = 4  # scale, shift, mean, variance
RESNET101 = 42_658_176  # keras.applications.ResNet101(include_top=False)


@pytest.fixture(autouse=True)
def forget():
    yield
    keras.utils.clear_session(free_memory=False)


@pytest.mark.parametrize(("encoder", "backbone"), [("resnet50", RESNET50), ("resnet101", RESNET101)])
def test_the_weights_of_the_paper(encoder, backbone):
    model = unallocated("pspnet", num_classes=C, encoder=encoder)
    pyramid = len(BINS) * (2048 * 512 + BN * 512)
    convolution = 9 * (2048 + 4 * 512) * 512 + BN * 512
    scores = 512 * C + C
    auxiliary = 9 * 1024 * 256 + BN * 256 + 256 * C + C
    assert (pyramid + convolution + scores, auxiliary) == (23_089_685, 2_365_717)
    assert sum(counts(model).values()) == pyramid + convolution + scores + auxiliary
    finished = unallocated("pspnet", num_classes=C, encoder=encoder, **MODELS["pspnet"].applied)
    assert finished.count_params() == backbone + pyramid + convolution + scores == model.count_params() - auxiliary


@pytest.mark.parametrize("stride", [8, 16])
def test_both_heads_score_one_grid(stride):
    model = unallocated("pspnet", output_stride=stride)
    shapes = {model.get_layer(name).output.shape[1:3] for name in ("score", "aux_score", "aux")}
    assert shapes == {(224 // stride, 224 // stride)}


@pytest.mark.parametrize("size", [(7, 9), (12, 6), (3, 2)], ids=str)
def test_the_pyramid_by_loops(size):
    """Means over the parts, 1×1, normalized, rectified; a bilinear map between the middles of the parts."""
    rng = np.random.default_rng(0)
    image = keras.Input((*size, 8))
    network = keras.Model(image, pyramid_pooling(image))
    network.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in network.get_weights()])
    x = rng.normal(size=(1, *size, 8)).astype("float32")

    def part(place, bins, side):
        return slice(place * side // bins, -(-(place + 1) * side // bins))

    def line(position, bins, side):
        """The two nearest middles and the share of the second."""
        at = np.clip((position + 0.5) * bins / side - 0.5, 0, bins - 1)
        first = int(at)
        return first, min(first + 1, bins - 1), at - first

    levels = [x[0]]
    for bins in BINS:
        kernel = network.get_layer(f"conv5_3_pool{bins}_conv").get_weights()[0][0, 0]
        gamma, beta, mean, variance = network.get_layer(f"conv5_3_pool{bins}_bn").get_weights()
        rows, columns = ([part(i, bins, side) for i in range(bins)] for side in size)
        means = np.array([[x[0, row, column].mean((0, 1)) for column in columns] for row in rows])
        y = np.maximum(gamma * (means @ kernel - mean) / np.sqrt(variance + 1e-3) + beta, 0)
        level = np.zeros((*size, 2))
        for i, j in np.ndindex(*size):
            (a, b, s), (c, d, t) = line(i, bins, size[0]), line(j, bins, size[1])
            level[i, j] = (1 - s) * ((1 - t) * y[a, c] + t * y[a, d]) + s * ((1 - t) * y[b, c] + t * y[b, d])
        levels.append(level)
    np.testing.assert_allclose(network(x)[0], np.concatenate(levels, -1), rtol=1e-4, atol=1e-4)


def test_any_size_gives_what_a_fixed_size_gives():
    x = ops.convert_to_tensor(np.random.default_rng(0).uniform(0, 255, (1, 45, 34, 3)).astype("float32"))
    fixed, dynamic = (light("pspnet", **size) for size in ({"input_shape": (45, 34, 3)}, {}))
    dynamic.set_weights(fixed.get_weights())
    expected = np.asarray(fixed(x))
    assert expected.std() > 0
    np.testing.assert_allclose(dynamic(x), expected, atol=1e-6)


def test_the_finished_network_lacks_the_auxiliary_head_and_answers_alike():
    trained, finished = light("pspnet", input_shape=(45, 34, 3)), light("pspnet", **MODELS["pspnet"].applied)
    only_in_training = auxiliary_layers(trained)
    assert {"aux", "aux_conv", "aux_bn", "aux_score"} <= only_in_training
    assert not auxiliary_layers(finished) and not only_in_training & {layer.name for layer in finished.layers}
    assert {layer.name for layer in trained.layers if layer.weights} - only_in_training == {
        layer.name for layer in finished.layers if layer.weights
    }
    transfer_weights(trained, finished)
    x = ops.convert_to_tensor(np.random.default_rng(0).uniform(0, 255, (1, 45, 34, 3)).astype("float32"))
    np.testing.assert_allclose(finished(x), trained(x), atol=1e-6)


def test_what_is_missing_beside_the_auxiliary_head_is_refused():
    trained, finished = light("pspnet"), light("pspnet", **MODELS["pspnet"].applied)
    with pytest.raises(UsageError, match="differ in layers aux_bn, aux_conv, aux_score"):
        transfer_weights(finished, trained)  # training does not start without its head
    with pytest.raises(UsageError, match="differ in layers"):
        transfer_weights(trained, build("unet", base_width=4))


def test_a_weight_that_is_none_is_refused():
    with pytest.raises(ValueError, match="weight is 0; wanted a number above 0"):
        AuxiliaryScores(0)
    with pytest.raises(UsageError, match="auxiliary of pspnet"):
        build("pspnet", auxiliary=-1.0)


def test_fcn_on_a_dilated_encoder_has_the_weights_of_its_docstring():
    """torchvision's head on ResNet-50, and 33 million in all with the biases that Keras has before normalization."""
    model = unallocated("fcn_dilated", num_classes=21, auxiliary=0.0)
    head = 9 * 2048 * 512 + 4 * 512 + 512 * 21 + 21
    assert head == 9_437_184 + 2_048 + 10_773 and sum(counts(model).values()) == head
    assert model.count_params() == RESNET50 + head
    assert sum(counts(unallocated("fcn_dilated", num_classes=21)).values()) == head + 2_365_717
