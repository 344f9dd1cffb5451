"""U-Net as published: sizes and weights by arithmetic, tiles equal to the whole, and what training compares."""

import itertools

import keras
import numpy as np
import pytest
from counting import unallocated

from kseg.errors import UsageError
from kseg.layers import mirrored_places
from kseg.models import build
from kseg.models.unet2015 import margin, valid_side


@pytest.fixture(autouse=True)
def forget():
    yield
    keras.utils.clear_session(free_memory=False)


def unpadded(side, *, base_width=2, **options):
    return build("unet2015", base_width=base_width, input_shape=(side, side, 3), borders="cropped", **options)


def by_the_figure(side, depth):
    """The side of the output, arrow by arrow; 0 where two pixels would have to be pooled of an odd side."""
    for _ in range(depth):
        side -= 4
        if side <= 0 or side % 2:
            return 0
        side //= 2
    side -= 4
    for _ in range(depth):
        side = max(0, 2 * max(0, side) - 4)
    return max(0, side)


def test_sizes_of_the_figure():
    """Figure 1, arrow by arrow."""
    with keras.StatelessScope(initialize_variables=False):
        model = build("unet2015", input_shape=(572, 572, 3), borders="cropped", outputs=2)
    sides = [layer.output.shape[1] for layer in model.layers if layer.name.startswith(("conv_", "pool", "upconv"))]
    assert sides == [
        570, 568, 284, 282, 280, 140, 138, 136, 68, 66, 64, 32, 30, 28,
        56, 54, 52, 104, 102, 100, 200, 198, 196, 392, 390, 388, 388,
    ]  # fmt: skip
    assert model.output_shape == (None, 388, 388, 2)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_valid_sides_are_those_of_the_figure(depth):
    possible = [side for side in range(1, 700) if by_the_figure(side, depth)]
    assert all(by_the_figure(side, depth) == side - 2 * margin(depth) for side in possible)
    for side in range(1, 660):
        below = max((p for p in possible if p <= side), default=0)
        assert valid_side(side, depth) == (below, min(p for p in possible if p > side))


def test_the_weights_of_the_paper():
    w = [64 * 2**level for level in range(5)]

    def pair(a, b):
        return 9 * a * b + b + 9 * b * b + b

    down = [pair(a, b) for a, b in itertools.pairwise([1, *w])]
    up = [4 * b * a + a + pair(2 * a, a) for a, b in itertools.pairwise(w)]
    assert sum(down) + sum(up) + 2 * 64 + 2 == 31_030_658
    rgb = 9 * 2 * 64  # two channels more
    assert unallocated("unet2015", outputs=2).count_params() == 31_030_658 + rgb
    assert unallocated("unet2015", num_classes=21).count_params() == 31_030_658 + rgb + 19 * 65 == 31_033_045
    # Added features are half as many for the convolution behind them.
    added = sum(9 * a * a for a in w[:-1])
    assert unallocated("unet2015", outputs=2, merge="add").count_params() == 31_030_658 + rgb - added
    # The second convolution of a dense block sees what the first one saw, too.
    seen = sum(9 * a * b for a, b in itertools.pairwise([3, *w])) + sum(9 * 2 * a * a for a in w[:-1])
    assert unallocated("unet2015", outputs=2, block="dense").count_params() == 31_030_658 + rgb + seen


def test_convolutions_of_the_paper():
    model = unallocated("unet2015")
    assert sum(bool(layer.weights) for layer in model.layers) == 23
    assert [layer.name for layer in model.layers if "dropout" in layer.name] == ["dropout_d3c", "dropout_d4c"]


def test_the_start_keeps_the_variance():
    """√(2/N), also of the up-convolution, each of whose outputs sees all 512 channels of one position."""
    keras.utils.set_random_seed(0)
    model = unpadded(188, base_width=16)
    for name, incoming in (("conv_d2b-c", 9 * 64), ("upconv_d4c_u3a", 256), ("conv_u3b-c", 9 * 256)):
        assert float(np.std(model.get_layer(name).kernel)) == pytest.approx((2 / incoming) ** 0.5, rel=0.02)


@pytest.mark.parametrize("options", [{}, {"merge": "add"}, {"block": "dense"}, {"depth": 2}], ids=str)
def test_every_variant_scores_the_center(options):
    side = valid_side(200, options.get("depth", 4))[1]
    model = unpadded(side, **options)
    assert model.output_shape[1] == side - 2 * margin(options.get("depth", 4))


@pytest.mark.parametrize(
    ("side", "words"),
    [(500, "492 or 508"), (100, "188, the smallest"), (None, "images of one size")],
)
def test_a_side_that_cannot_go_through_is_one_sentence(side, words):
    with pytest.raises(UsageError, match=words) as found:
        unpadded(side)
    assert str(found.value).count(". ") == 0


def sparse_kernel(rng, shape):
    """About three of the nodes that go into a sum count, by 1 or −1."""
    incoming = shape[-1] if shape[:2] == (2, 2) else np.prod(shape[:-1])
    used = min(1.0, 3 / incoming)
    return rng.choice([-1, 0, 1], shape, p=[0.4 * used, 1 - used, 0.6 * used])


def whole_and_image():
    """A network, an image and its scores, which are whole numbers and so exact, in whatever order sums are computed."""
    model = build("unet2015", base_width=2, activation=None)
    rng = np.random.default_rng(0)
    model.set_weights([sparse_kernel(rng, w.shape) if w.ndim > 1 else np.ones_like(w) for w in model.get_weights()])
    image = 255.0 * rng.integers(0, 2, (1, 52, 36, 3)).astype("float32")
    scores = np.asarray(model(image))
    assert len(np.unique(scores)) > 100 and np.abs(scores).max() < 2**20 and (scores % 1 == 0).all()
    return model, image, scores


def surrounded(image):
    """52 + 184 = 236 = 16·7 + 124 rows, 36 + 184 = 220 = 16·6 + 124 columns: what can go through."""
    rows, columns = (mirrored_places(np.arange(-92, side + 92), side) for side in image.shape[1:3])
    return image[:, rows][:, :, columns]


def test_mirrored_borders_are_the_published_strategy():
    """An image that its mirror images surround goes through the unpadded network: the same scores, at every pixel."""
    whole, image, scores = whole_and_image()
    inside = build("unet2015", base_width=2, input_shape=(236, 220, 3), borders="cropped", activation=None)
    inside.set_weights(whole.get_weights())
    np.testing.assert_array_equal(np.asarray(inside(surrounded(image))), scores)


def test_tiles_are_the_whole_image_to_the_bit():
    """Overlap-tile: tiles of 20 × 20 scores, 16 pixels apart, each with its 92 pixels of context, mirrored outside."""
    whole, image, scores = whole_and_image()
    tile = build("unet2015", base_width=2, input_shape=(204, 204, 3), borders="cropped", activation=None)
    tile.set_weights(whole.get_weights())
    context = surrounded(image)
    for top, left in itertools.product((0, 16, 32), (0, 16)):
        part = np.asarray(tile(context[:, top : top + 204, left : left + 204]))
        np.testing.assert_array_equal(part, scores[:, top : top + 20, left : left + 20])


def test_small_images_are_mirrored_several_times():
    assert mirrored_places(np.arange(-5, 5), 2).tolist() == [1, 0, 1, 0, 1, 0, 1, 0, 1, 0]
    assert mirrored_places(np.arange(-3, 3), 1).tolist() == [0] * 6
    # NumPy's "reflect", which pads in turns
    padded = np.pad(np.arange(7), 40, mode="reflect")
    assert mirrored_places(np.arange(-40, 47), 7).tolist() == padded.tolist()
