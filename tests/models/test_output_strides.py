"""How many pixels lie between neighbors of a network's scores: measured by the gradient of a score, not read off."""

import keras
import numpy as np
import pytest
from narrow import narrow


@pytest.fixture(autouse=True)
def forget():
    yield
    keras.utils.clear_session(free_memory=False)


def centers(model, layer, rows):
    """The row where the gradient of each of the positions `rows` of a layer has its middle.

    Every kernel is one constant, so nothing but the geometry of the windows is left; scale and variance are 1.
    """
    import tensorflow as tf

    network = keras.Model(model.input, model.get_layer(layer).output)
    for part in network.layers:
        part.set_weights([
            np.full(w.shape, 1 / np.prod(w.shape[:-1])) if w.ndim > 1 else np.array(w) for w in part.get_weights()
        ])  # fmt: skip
    image = tf.Variable(np.full((1, *model.input_shape[1:3], 3), 200, "float32"))
    found = []
    for row in rows:
        with tf.GradientTape() as tape:
            score = tf.reduce_sum(network(image, training=False)[:, row])
        weight = np.abs(tape.gradient(score, image).numpy()).sum((0, 2, 3))
        found.append((weight * np.arange(len(weight))).sum() / weight.sum())
    return np.array(found)


@pytest.mark.parametrize(
    ("name", "layer", "stride", "options"),
    [
        ("deeplabv3", "aspp0_conv", 16, {"encoder": "mobilenetv2", "output_stride": 16}),
        ("deeplabv3", "aspp0_conv", 8, {"encoder": "mobilenetv2", "output_stride": 8}),
        ("deeplab_resnet101", "aspp6", 8, {"encoder": "resnet50"}),
        ("deeplab_largefov", "fc8", 8, {"rate": 1}),
    ],
)
def test_neighboring_scores_lie_an_output_stride_apart(name, layer, stride, options):
    size = 640
    model = narrow(name, input_shape=(size, 32, 3), **options)
    middle = model.get_layer(layer).output.shape[1] // 2
    found = centers(model, layer, (middle - 2, middle, middle + 2))
    np.testing.assert_allclose(np.diff(found), 2 * stride, atol=0.5)
