"""Masks of foreground: what each folder of them is recognized as, thresholds, and options that cannot be."""

import numpy as np
import pytest
from drawn_masks import (
    BLACK,
    RED,
    WHITE,
    H,
    W,
    coding_of,
    disc,
    gray,
    numbered,
    of_palette,
    rgba,
    smooth,
    soft,
    stray,
    tiff_of,
    two,
    written,
)
from PIL import Image

from kseg.errors import Failure, UsageError

BINARY = {
    "0 and 255": (lambda i: gray(disc(i) * 255), "8 masks of black and white"),
    "one bit": (lambda i: gray(disc(i) * 255).convert("1"), "8 masks of black and white"),
    "one bit and eight": (
        (lambda i: gray(disc(i) * 255).convert("1"), lambda i: gray(disc(i) * 255)),
        "8 masks of black and white (4 of 1 bit, 4 of 8 bits)",
    ),
    "one bit and 0 and 1": ((lambda i: gray(disc(i) * 255).convert("1"), lambda i: gray(disc(i))), "class ids 0, 1"),
    "0 and 1 here, 0 and 255 there": (
        (lambda i: gray(disc(i)), lambda i: gray(disc(i) * 255)),
        "8 masks: 4 of 0 and 1, 4 of 0 and 255, each read as background and foreground",
    ),
    "254 here, 255 there": ((lambda i: gray(disc(i) * 254), lambda i: gray(disc(i) * 255)), "stray values"),
    "0 and 254": (lambda i: gray(disc(i) * 254), "stray values"),
    "0 and 4": (lambda i: gray(disc(i) * 4), "two values: 0 is background, 4 is foreground"),
    "1 and 2": (lambda i: gray(disc(i) + 1), "two values: 1 is background, 2 is foreground"),
    "soft edges": (soft, "8 masks of gray 0…255 with soft edges, read as binary at 128"),
    "stray values": (stray, "8 masks of gray 0…255 with stray values near black and white, read as binary at 128"),
    "soft here, sharp there": ((soft, lambda i: gray(disc(i) * 255)), "soft edges"),
    "gray as RGB": (lambda i: gray(disc(i) * 255).convert("RGB"), "black and white"),
    "soft as RGB": (lambda i: soft(i).convert("RGB"), "soft edges"),
    "white alpha": (lambda i: rgba(WHITE, disc(i) * 255), "8 masks whose opacity (alpha channel) is the mask"),
    "red alpha": (lambda i: rgba(RED, disc(i) * 255), "opacity"),
    "soft alpha": (lambda i: rgba(WHITE, np.array(soft(i))), "opacity"),
    "gray and alpha": (lambda i: Image.merge("LA", [gray(disc(i) * 0 + 255), gray(disc(i) * 255)]), "opacity"),
    "opaque gray and alpha": (
        lambda i: Image.merge("LA", [gray(disc(i) * 255), gray(disc(i) * 0 + 255)]),
        "black and white",
    ),
    "red on black, opaque": (lambda i: rgba(disc(i)[..., None] * np.array(RED), disc(i) * 0 + 255), "two colors"),
    "red on transparent black": (lambda i: rgba(disc(i)[..., None] * np.array(RED), disc(i) * 255), "opacity"),
    "red on black": (lambda i: disc(i)[..., None] * np.array(RED, np.uint8), "two colors: 0,0,0 is background"),
    "red on black, blended": (
        lambda i: smooth(disc(i, 6)[..., None] * np.array(RED, np.uint8)),
        "blended ones read as the nearer of the two",
    ),
    "a palette of black and white": (lambda i: of_palette(disc(i) * 1, BLACK, WHITE), "black and white"),
    "a palette that begins with white": (lambda i: of_palette(1 - disc(i), WHITE, BLACK), "black and white"),
    "palettes in two orders": (
        (lambda i: of_palette(1 - disc(i), WHITE, BLACK), lambda i: of_palette(disc(i) * 1, BLACK, WHITE)),
        "black and white",
    ),
    "a palette of red and black": (lambda i: of_palette(1 - disc(i), RED, BLACK), "two colors"),
    "a palette of black and red": (lambda i: of_palette(disc(i) * 1, BLACK, RED), "class ids 0, 1"),
    "a palette beside grays": (
        (lambda i: of_palette(1 - disc(i), WHITE, BLACK), lambda i: gray(disc(i) * 255)),
        "black and white",
    ),
    "0 and 65535": (lambda i: (disc(i) * 65535).astype(np.uint16), "black and white"),
    "0 and 4095": (lambda i: (disc(i) * 4095).astype(np.uint16), "two values: 0 is background, 4095 is foreground"),
    "0 and 255 in 16 bits": (lambda i: (disc(i) * 255).astype(np.uint16), "black and white"),
    "8 and 16 bits": (
        (lambda i: (disc(i) * 65535).astype(np.uint16), lambda i: gray(disc(i) * 255)),
        "black and white (4 of 8 bits, 4 of 16 bits)",
    ),
    "soft in 16 bits": (lambda i: np.array(soft(i)).astype(np.uint16) * 257, "soft edges"),
    "soft edges of gray 200": (
        lambda i: gray(np.array(soft(i)) * (200 / 255)),
        "0…200 with soft edges, read as binary at 101",
    ),
    "isolated strays": (
        lambda i: gray(np.where(np.arange(H * W).reshape(H, W) % 911 == 5, 1, disc(i) * 255)),
        "stray values near black and white",
    ),
    "objects by number": (numbered, "numbers 0…7 that count the objects of each image (2 to 7 an image"),
    "objects by number in 16 bits": (lambda i: numbered(i).astype(np.uint16), "count the objects"),
    "objects numbered through": (lambda i: (numbered(i) + (numbered(i) > 0) * 300 * i).astype(np.uint16), "count"),
}


def truth(name, index):
    return numbered(index) > 0 if name.startswith("objects") else disc(index)


@pytest.mark.parametrize("name", BINARY)
def test_foreground_is_recognized_and_said(tmp_path, name):
    draw, said = BINARY[name]
    paths = written(tmp_path, draw)
    coding = coding_of(paths)
    assert len(coding.names) == 2 and len(coding.notes) == 1 and said in coding.notes[0]
    for index, path in enumerate(paths):
        ids = coding.decode(path)
        assert ids.dtype == np.uint8 and set(np.unique(ids)) <= {0, 1}
        blended = "soft" in name or "blended" in name
        assert np.mean(ids != truth(name, index)) <= (0.02 if blended else 0.002), f"{name}: mask {index}"


@pytest.mark.parametrize("suffix", ["gif", "tif", "bmp", "jpg", "webp", "pgm"])
def test_masks_in_any_format(tmp_path, suffix):
    paths = written(tmp_path, lambda i: gray(disc(i) * 255), suffix=suffix)
    coding = coding_of(paths)
    assert all(np.mean(coding.decode(path) != disc(index)) < 0.01 for index, path in enumerate(paths))
    assert coding.names == ("background", "foreground")


def test_arrays_of_bool_in_tiffs(tmp_path):
    """tifffile writes them as pages whose 0 is white; True is the object all the same."""
    paths = [tiff_of(disc(index), tmp_path / f"m{index}.tif") for index in range(3)]
    coding = coding_of(paths)
    assert all(np.array_equal(coding.decode(path), disc(index)) for index, path in enumerate(paths))


def test_floats_in_tiffs(tmp_path):
    paths = [tiff_of(disc(index).astype(np.float32), tmp_path / f"m{index}.tif") for index in range(3)]
    assert np.array_equal(coding_of(paths).decode(paths[0]), disc(0))
    paths = [tiff_of(np.array(soft(index)) / np.float32(255), tmp_path / f"s{index}.tif") for index in range(3)]
    assert np.mean(coding_of(paths).decode(paths[0]) != disc(0)) < 0.02
    broken = tiff_of(np.full((4, 4), np.nan, np.float32), tmp_path / "nan.tif")
    with pytest.raises(Failure, match="nan.tif holds 16 values that are NaN or infinite"):
        coding_of([broken])


def test_empty_and_full_masks_beside_others(tmp_path):
    def draw(index):
        return gray(np.full((H, W), 255 * index) if index < 2 else disc(index) * 255)

    paths = written(tmp_path, draw)
    coding = coding_of(paths)
    assert coding.decode(paths[0]).max() == 0 and coding.decode(paths[1]).min() == 1


def test_a_threshold(tmp_path):
    paths = written(tmp_path, soft)
    shares = [coding_of(paths, binary=at).decode(paths[0]).mean() for at in (1.0, 100.0, 128.0, 250.0)]
    assert shares == sorted(shares, reverse=True) and shares[0] > shares[1] > shares[3]
    assert coding_of(paths, binary="auto").threshold == 128
    dark = written(tmp_path, lambda i: gray(disc(i) * 90))
    with pytest.raises(
        UsageError, match="--binary 128 leaves no foreground: the highest value .* is 90; pass --binary 90"
    ):
        coding_of(dark, binary=128.0)
    assert np.array_equal(coding_of(dark, binary="auto").decode(dark[0]), disc(0))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"binary": float("nan")}, "--binary is nan; it must be a finite number"),
        ({"binary": 0.0}, "--binary 0 is no threshold"),
        ({"binary": 1.0, "classes": ("a", "b", "c")}, "--classes names 3"),
        ({"binary": 1.0, "colors": ("a=0,0,0", "b=1,1,1")}, "give one of them"),
        ({"color_tolerance": 3.0}, "needs --colors"),
        (
            {"color_tolerance": float("nan"), "colors": ("a=0,0,0", "b=1,1,1")},
            "is nan; it must be at least 0 and at most 442",
        ),
        ({"classes": ("a", "a")}, "names a more than once"),
        ({"void": (70000,)}, "--void is 70000"),
        ({"colors": ("a=²,0,0", "b=1,1,1")}, "is not NAME=R,G,B"),
        ({"colors": ("=1,0,0", "b=1,1,1")}, "is not NAME=R,G,B"),
    ],
)
def test_options_that_cannot_be(tmp_path, options, complaint):
    with pytest.raises(UsageError, match=complaint):
        coding_of([tmp_path / "none.png"], **options)


def faint(index: int, opacity: int, color: int) -> Image.Image:
    """The disc is where the alpha channel is not 0."""
    return Image.fromarray(np.dstack([np.full((H, W), color)] * 3 + [disc(index) * opacity]).astype(np.uint8))


@pytest.mark.parametrize(("opacity", "color"), [(1, 255), (1, 40), (100, 200), (255, 0)])
def test_an_opacity_that_is_nowhere_half(tmp_path, opacity, color):
    paths = written(tmp_path, lambda i: faint(i, opacity, color))
    coding = coding_of(paths)
    assert "opacity" in coding.notes[0]
    assert all(np.array_equal(coding.decode(path), disc(index)) for index, path in enumerate(paths))


def test_black_on_transparent_beside_grays(tmp_path):
    for high in (1, 255):
        paths = written(tmp_path, lambda i, high=high: faint(i, 255, 0) if i % 2 else gray(disc(i) * high))
        coding = coding_of(paths)
        assert coding.notes[1].startswith("4 masks by opacity")
        assert all(np.array_equal(coding.decode(path), disc(index)) for index, path in enumerate(paths))
    paths = written(tmp_path, lambda i: faint(i, 255, 0) if i % 2 else gray(two(i)))
    with pytest.raises(UsageError, match="4 masks of 8 .* save all in the same way, without transparency"):
        coding_of(paths)


@pytest.mark.parametrize("other", [lambda i: gray(disc(i)), lambda i: of_palette(disc(i) * 1, BLACK, WHITE)])
def test_soft_edges_beside_files_of_0_and_1(tmp_path, other):
    paths = written(tmp_path, lambda i: other(i) if i % 2 else soft(i))
    coding = coding_of(paths)
    assert len(coding.names) == 2 and "soft edges" in coding.notes[0]
    assert all(np.mean(coding.decode(path) != disc(index)) < 0.02 for index, path in enumerate(paths))
