"""Rows of large TIFFs, and PNGs written by rows: what the whole image gives."""

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal
from PIL import Image

from kseg.datasets.images import read_by_rows, read_image
from kseg.datasets.images.png_rows import PngRows
from kseg.datasets.images.rows import TiffRows
from kseg.errors import Failure

RNG = np.random.default_rng(0)
COLORS = RNG.integers(0, 256, (70, 53, 3), dtype=np.uint8)


@pytest.mark.parametrize("pixels", [COLORS, COLORS[..., 0]], ids=["colors", "gray"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rowsperstrip": 16},
        {"rowsperstrip": 16, "compression": "zlib"},
        {"tile": (16, 32), "compression": "zlib"},
        {"tile": (16, 16)},
    ],
    ids=str,
)
def test_rows_of_a_tiff_are_those_of_the_image(tmp_path, pixels, options):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack", **options)
    rows, whole = read_by_rows(path, large=1), read_image(path)
    assert isinstance(rows, TiffRows) and rows.shape == whole.shape
    for part in (slice(0, 1), slice(3, 40), slice(31, 33), slice(60, 70), slice(0, 70)):
        assert_array_equal(rows[part], whole[part])
    assert_array_equal(np.asarray(rows), whole)
    rows.close()


@pytest.mark.parametrize(
    "write",
    [
        lambda path: tifffile.imwrite(path, COLORS.astype(np.uint16) * 200, photometric="rgb"),
        lambda path: tifffile.imwrite(path, np.stack([COLORS, COLORS])[:1, ..., :2], photometric="minisblack"),
        lambda path: tifffile.imwrite(path, COLORS, photometric="rgb", compression="zlib"),  # in one piece
        lambda path: tifffile.imwrite(
            path, COLORS, photometric="rgb", rowsperstrip=8, extratags=[("Orientation", "H", 1, 6, True)]
        ),
        lambda path: tifffile.imwrite(path, np.moveaxis(COLORS, -1, 0), photometric="rgb", planarconfig="separate"),
        lambda path: Image.fromarray(np.dstack([COLORS, COLORS[..., :1]])).save(path),
        lambda path: Image.fromarray(COLORS[..., 0] > 99).save(path),
        lambda path: Image.fromarray(COLORS).save(path, format="PNG"),
    ],
)
def test_every_other_image_is_read_as_a_whole(tmp_path, write):
    path = tmp_path / "a.tif"
    write(path)
    try:
        whole = read_image(path)
    except Failure as failure:
        with pytest.raises(Failure, match=str(failure)[:20]):
            read_by_rows(path, large=1)
        return
    assert_array_equal(read_by_rows(path, large=1), whole)


def test_small_ones_and_broken_ones(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", COLORS, photometric="rgb", rowsperstrip=8)
    assert isinstance(read_by_rows(tmp_path / "a.tif"), np.ndarray)
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[:100])
    with pytest.raises(Failure, match="a.tif"):
        read_by_rows(tmp_path / "a.tif", large=1)
    with pytest.raises(Failure, match="does not exist"):
        read_by_rows(tmp_path / "b.tif")


@pytest.mark.parametrize("steps", [(70,), (1, 30, 39)])
def test_a_png_by_rows_is_the_picture(tmp_path, steps):
    ids, palette = COLORS[..., 0] % 5, [(10 * k, 0, 255 - k) for k in range(5)]
    for pixels, colors in ((COLORS, None), (ids, palette)):
        with open(tmp_path / "a.png", "wb") as file:
            png, start = PngRows(file, pixels.shape[:2], colors), 0
            for step in steps:
                png.write(pixels[start : start + step])
                start += step
            png.finish()
        with Image.open(tmp_path / "a.png") as image:
            assert image.mode == ("RGB" if colors is None else "P")
            assert_array_equal(np.asarray(image), pixels)
            assert colors is None or image.getpalette()[:15] == [value for color in palette for value in color]
    with open(tmp_path / "b.png", "wb") as file, pytest.raises(ValueError, match="0 of 70 rows"):
        PngRows(file, COLORS.shape[:2]).finish()
