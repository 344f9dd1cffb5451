"""Padding, cropping and resizing: against loops and Pillow, at sizes known beforehand or at run time only."""

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image

from kseg.layers import CropLike, PadToMultiple, PixelShuffle, ResizeLike, SubpixelUpsample, padded_size, resize

RNG = np.random.default_rng(0)


def bilinear_by_interpolation(x, size):
    """Half-pixel centers, edges clamped: np.interp along each axis, in float64."""
    for axis, target in ((1, size[0]), (2, size[1])):
        source = x.shape[axis]
        at = (np.arange(target) + 0.5) * source / target - 0.5
        x = np.apply_along_axis(lambda line, at=at, n=source: np.interp(at, np.arange(n), line), axis, x)
    return x


@pytest.mark.parametrize("size", [(6, 10), (7, 4), (3, 5), (2, 3), (1, 1), (13, 17)], ids=str)
def test_bilinear_resize_up_and_down(size):
    x = RNG.normal(size=(2, 3, 5, 2)).astype("float32")
    np.testing.assert_allclose(resize(x, size), bilinear_by_interpolation(x, size), atol=1e-5)


@pytest.mark.parametrize(("method", "pillow"), [("bilinear", Image.BILINEAR), ("nearest", Image.NEAREST)])
@pytest.mark.parametrize("size", [(9, 8), (7, 11), (3, 4)], ids=str)
def test_enlarging_agrees_with_pillow(method, pillow, size):
    x = RNG.normal(size=(3, 4)).astype("float32")
    expected = np.asarray(Image.fromarray(x).resize(size[::-1], pillow))
    np.testing.assert_allclose(resize(x[None, ..., None], size, method=method)[0, ..., 0], expected, atol=1e-5)


def test_nearest_takes_the_pixel_under_the_center():
    x = np.arange(5.0).reshape(1, 1, 5, 1)
    # 3 outputs of 5: centers (i + ½)·5/3 = 0.83, 2.5, 4.17
    assert np.asarray(resize(x, (1, 3), method="nearest")).ravel().tolist() == [0, 2, 4]
    # 10 outputs of 5: every pixel twice
    assert np.asarray(resize(x, (1, 10), method="nearest")).ravel().tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize("make", [lambda: resize(np.ones((1, 2, 2, 1)), (4, 4), method="cubic"),
                                  lambda: ResizeLike("cubic")])  # fmt: skip
def test_unknown_resize_method_names_the_valid_ones(make):
    with pytest.raises(ValueError, match="resize method is 'cubic'; valid: bilinear, nearest"):
        make()


def test_resize_like_ignores_the_values_of_its_second_input():
    x, like = RNG.normal(size=(1, 2, 3, 2)).astype("float32"), np.full((1, 5, 4, 7), np.nan, "float32")
    y = np.asarray(ResizeLike()([x, like]))
    np.testing.assert_allclose(y, bilinear_by_interpolation(x, (5, 4)), atol=1e-6)


@pytest.mark.parametrize(("size", "multiple", "padded"), [(64, 32, 64), (65, 32, 96), (1, 8, 8), (7, 1, 7), (8, 8, 8)])
def test_padded_size(size, multiple, padded):
    assert padded_size(size, multiple) == padded


@pytest.mark.parametrize(("size", "padded"), [(513, 513), (512, 513), (500, 513), (514, 545), (1, 1), (2, 33)])
def test_padded_to_one_more_than_a_multiple(size, padded):
    """32 · 16 + 1 rows hold 17 positions of stride 32, the first and the last row among them."""
    assert padded_size(size, 32, 1) == padded
    assert np.asarray(PadToMultiple(32, 1)(np.ones((1, size, 3, 1)))).shape == (1, padded, 33, 1)


def test_a_remainder_is_below_its_multiple():
    with pytest.raises(ValueError, match="remainder is 4; wanted 0 … 3"):
        PadToMultiple(4, 4)


def test_padding_goes_below_and_to_the_right():
    x = np.arange(1.0, 7).reshape(1, 2, 3, 1)
    y = np.asarray(PadToMultiple(4)(x))[0, ..., 0]
    assert y.tolist() == [[1, 2, 3, 0], [4, 5, 6, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_padding_leaves_multiples_alone():
    x = RNG.normal(size=(2, 4, 8, 3)).astype("float32")
    np.testing.assert_array_equal(PadToMultiple(4)(x), x)


def test_cropping_takes_the_top_left():
    x = np.arange(12.0).reshape(1, 3, 4, 1)
    y = np.asarray(CropLike()([x, np.full((1, 2, 3, 5), np.nan)]))[0, ..., 0]
    assert y.tolist() == [[0, 1, 2], [4, 5, 6]]


@pytest.mark.parametrize(
    ("layer", "inputs", "output"),
    [
        (PadToMultiple(8), (None, None, 9, 2), (None, None, 16, 2)),
        (PixelShuffle(2), (3, None, 5, 8), (3, None, 10, 2)),
        (CropLike(), [(2, 8, 8, 5), (2, None, 7, 3)], (2, None, 7, 5)),
        (ResizeLike(), [(2, None, 8, 5), (2, 6, None, 3)], (2, 6, None, 5)),
    ],
)
def test_output_shapes_before_the_size_is_known(layer, inputs, output):
    assert layer.compute_output_shape(inputs) == output


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: PadToMultiple(0), "multiple is 0; wanted 1 or more"),
        (lambda: PixelShuffle(0), "factor is 0; wanted 1 or more"),
        (lambda: PixelShuffle(2)(keras.Input((4, 4, 5))), "needs a multiple of 4 channels, got 5"),
    ],
)
def test_impossible_sizes_are_refused_at_once(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.fixture(scope="module")
def network():
    """Every layer of any size in one small network: pad, halve, upsample, resize, crop."""
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 3), name="image")
    x = PadToMultiple(4)(image)
    half = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    fine = SubpixelUpsample(2, 2)(half)
    coarse = ResizeLike()([keras.layers.AveragePooling2D(2)(half), fine])
    shuffled = PixelShuffle(2)(keras.layers.Conv2D(4, 1)(half))
    x = keras.layers.Concatenate()([fine, coarse, shuffled])
    return keras.Model(image, CropLike()([keras.layers.Conv2D(1, 1)(x), image]))


def test_variable_sizes_inside_fit(network):
    """Bilinear `UpSampling2D` and `keras.ops.image.resize` fail here."""
    network.compile("adam", "mse")
    for size in ((5, 7), (8, 4)):
        images = RNG.uniform(0, 1, (2, *size, 3))
        history = network.fit(images, images[..., :1], verbose=0)
        assert np.isfinite(history.history["loss"]).all()
        assert network.predict(images, verbose=0).shape == (2, *size, 1)


def test_variable_sizes_in_a_saved_model(network, tmp_path):
    tf = pytest.importorskip("tensorflow")
    network.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    for size in ((5, 7), (9, 6)):
        images = RNG.uniform(0, 1, (1, *size, 3)).astype("float32")
        np.testing.assert_allclose(served.serve(images), network(ops.convert_to_tensor(images)), atol=1e-5)


def test_variable_sizes_in_an_onnx_file(network, tmp_path):
    """Keras' own export, too: `-size % multiple` would pad by a negative number there."""
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    network(ops.zeros((1, 5, 7, 3)))
    network.export(tmp_path / "it.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "it.onnx")
    for size in ((5, 7), (8, 4)):
        images = RNG.uniform(0, 1, (1, *size, 3)).astype("float32")
        (found,) = session.run(None, {session.get_inputs()[0].name: images})
        np.testing.assert_allclose(found, network(ops.convert_to_tensor(images)), atol=1e-5)
