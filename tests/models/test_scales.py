"""Multi-scale inputs are what their definition says, computed by hand; own grids of networks."""

import keras
import numpy as np
import pytest
from keras import layers
from narrow import light

from kseg.conventions import DEFAULT_TASK
from kseg.errors import UsageError
from kseg.layers import AlignedUpsample, ResizeLike, SubpixelUpsample
from kseg.models import MODELS, build, model_names
from kseg.models.grid import own_grid
from kseg.models.scales import parts, with_scales

SCALES = (0.5, 0.75, 1)


def interpolated(x, positions, axis):
    """`x` at real positions of an axis, clamped at the ends."""
    x = np.moveaxis(x, axis, 0)
    rows = []
    for position in positions:
        position = min(max(position, 0.0), len(x) - 1)
        below = int(np.floor(position))
        above = min(below + 1, len(x) - 1)
        rows.append(x[below] * (1 - (position - below)) + x[above] * (position - below))
    return np.moveaxis(np.stack(rows), 0, axis)


def laid(x, scale, size, lies):
    """(N, h, w, C) at `scale` times its resolution."""
    for axis, wanted in ((1, size[0]), (2, size[1])):
        if lies == "stretched":
            positions = [(j + 0.5) * x.shape[axis] / wanted - 0.5 for j in range(wanted)]
        else:
            positions = [j / scale if lies == "aligned" else (j + 0.5) / scale - 0.5 for j in range(wanted)]
        x = interpolated(x, positions, axis)
    return x


def by_hand(network, image, scales):
    """The maximum on the grid of scale 1 of the scores at each scale."""
    grid = own_grid(network)
    scores = keras.Model(network.input, grid.scores)
    whole = np.asarray(scores(image))
    found = [whole]
    for scale in (scale for scale in scales if scale != 1):
        size = [int(np.ceil(side * scale)) for side in image.shape[1:3]]
        smaller = laid(image, scale, size, "aligned" if grid.lies == "aligned" else "centers").astype(np.float32)
        found.append(laid(np.asarray(scores(smaller)), 1 / scale, whole.shape[1:3], grid.lies))
    return np.max(found, axis=0)


@pytest.mark.parametrize("name", [name for name in model_names() if MODELS[name].task == DEFAULT_TASK])
def test_the_maximum_over_scales_is_its_definition(name):
    keras.utils.set_random_seed(0)
    network = light(name, num_classes=3, activation=None)
    image = np.random.default_rng(1).uniform(0, 255, (1, 97, 70, 3)).astype(np.float32)
    several = with_scales(network, SCALES)
    largest = keras.Model(several.input, own_grid(several).scores)
    wanted = by_hand(network, image, SCALES)
    most = np.abs(wanted).max()
    np.testing.assert_allclose(np.asarray(largest(image)), wanted, atol=min(1e-4 * max(1, most), 1e-3 * most))
    assert np.asarray(several(image)).shape == (1, 97, 70, 3)
    assert [w.path for w in several.weights] == [w.path for w in network.weights]  # shared, and nothing more


def small(last):
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="conv1")(image)
    x = layers.Conv2D(2, 3, strides=2, padding="same", name="conv2")(x)
    return keras.Model(image, layers.Activation("softmax", name="probabilities")(last(x, image)))


@pytest.mark.parametrize(("last", "lies", "stride"), [
    (lambda x, _: AlignedUpsample(4)(x), "aligned", 4),
    (lambda x, _: SubpixelUpsample(4, use_bias=False)(x), "centers", 4),
    (lambda x, image: ResizeLike()([x, image]), "stretched", 4),
    (lambda x, _: layers.Conv2DTranspose(2, 8, strides=4, padding="same")(x), "centers", 1),
])  # fmt: skip
def test_own_grids(last, lies, stride):
    network = small(last)
    grid = own_grid(network)
    assert (grid.lies, grid.stride, [layer.name for layer in grid.finish]) == (lies, stride, ["probabilities"])
    image = np.random.default_rng(1).uniform(0, 255, (1, 33, 40, 3)).astype(np.float32)
    several = with_scales(network, SCALES)
    largest = keras.Model(several.input, own_grid(several).scores)
    np.testing.assert_allclose(np.asarray(largest(image)), by_hand(network, image, SCALES), atol=2e-3)
    np.testing.assert_allclose(np.asarray(several(image)).sum(-1), 1, atol=1e-5)  # activated once, behind the maximum


def test_strides_are_known_of_networks_of_one_size_too():
    assert own_grid(build("deeplab_largefov", head_width=8, input_shape=(97, 97, 3))).stride == 8
    assert own_grid(build("fcn32s", encoder="mobilenetv2", input_shape=(97, 97, 3))).stride == 32


def test_four_losses_on_their_grids():
    # 321 rows: 41 positions of the image, 31 of its 241 rows at ¾, 21 of its 161 at ½
    network = build("deeplab_largefov", num_classes=3, head_width=8, input_shape=(321, 321, 3), scales=SCALES)
    found = parts(network, on_grid=True)
    assert [(part.scores.shape[1], part.lies, round(part.pixels, 3)) for part in found] == [
        (21, "aligned", 16), (31, "aligned", 10.667), (41, "aligned", 8), (41, "aligned", 8),
    ]  # fmt: skip
    assert [part.scores.shape[1] for part in parts(network, on_grid=False)] == [161, 241, 321, 321]


def test_saved_and_loaded(tmp_path):
    network = build("unet", base_width=4, scales=(1, 0.5))
    network.save(tmp_path / "it.keras")
    again = keras.models.load_model(tmp_path / "it.keras")
    image = np.random.default_rng(1).uniform(0, 255, (1, 33, 40, 3)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(again(image)), np.asarray(network(image)))
    with pytest.raises(UsageError, match="already sees the image at several scales"):
        with_scales(again, SCALES)


@pytest.mark.parametrize("scales", [(0.5,), (1,), (1, 1), (0.5, 0.75), (0.0, 1), (1, 5), (1, float("nan"))])
def test_other_scales_are_refused(scales):
    with pytest.raises(UsageError, match="--scales is "):
        build("unet", base_width=4, scales=scales)


def test_images_too_small_for_a_scale_are_refused():
    with pytest.raises(UsageError, match="--scales 0.5 makes images of 16×16 pixels, too small for fcn32s"):
        build("fcn32s", encoder="mobilenetv2", input_shape=(32, 32, 3), scales=(0.5, 1))
