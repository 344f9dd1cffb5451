"""What comes out of image files of every kind, and what is said about broken ones."""

import numpy as np
import pytest
from layouts import noise, write
from PIL import Image

from kseg.datasets.folder.mask_file import read_mask
from kseg.datasets.images import file_format, image_size, read_image, read_labels
from kseg.datasets.images.depth import measured_depth
from kseg.datasets.images.formats import stored_size
from kseg.datasets.images.tiff import TURNS
from kseg.errors import Failure

ORIENTATION = 0x0112


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm"])
def test_lossless_files_come_back_exactly(tmp_path, suffix):
    pixels = noise(0)
    path = write(tmp_path / f"a.{suffix}", pixels)
    assert np.array_equal(read_image(path), pixels)
    assert image_size(path) == (12, 10)


def test_content_decides_not_the_extension(tmp_path):
    path = write(tmp_path / "really_a_png.jpg", noise(0), format="PNG")
    assert np.array_equal(read_image(path), noise(0))
    assert file_format(path) == "PNG"


def test_sixteen_bit_gray_is_scaled(tmp_path):
    values = np.array([[0, 257, 65535]], dtype=np.uint16)
    for name in ("a.png", "a.tiff"):
        path = write(tmp_path / name, values)
        assert read_image(path)[0, :, 0].tolist() == [0, 1, 255]
        assert read_labels(path).tolist() == [[0, 257, 65535]]


def test_cmyk_becomes_rgb(tmp_path):
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    cyan.save(tmp_path / "a.jpg", quality=95)
    red, green, blue = read_image(tmp_path / "a.jpg")[4, 4].astype(int)
    assert red < 40 and green > 200 and blue > 200


def test_transparent_pixels_lie_on_white(tmp_path):
    pixels = np.zeros((2, 2, 4), dtype=np.uint8)
    pixels[0, 0] = 10, 20, 30, 255
    path = write(tmp_path / "a.png", pixels)
    assert read_image(path)[0].tolist() == [[10, 20, 30], [255, 255, 255]]


def test_palette_image_gives_colors_and_palette_mask_gives_indices(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8))
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
    assert read_labels(tmp_path / "a.png").tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_masks_of_few_bits_keep_their_ids(tmp_path, bits):
    ids = np.arange(2**bits, dtype=np.uint8)[None]
    path = tmp_path / "a.png"
    path.write_bytes(gray_png(ids, bits))
    assert read_labels(path).tolist() == ids.tolist()


def test_exif_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # turn clockwise to see it upright
    pixels = noise(0, 12, 10)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "a.png"), np.rot90(pixels, -1))
    assert image_size(tmp_path / "a.png") == (10, 12)


def test_float_tiff(tmp_path):
    path = write(tmp_path / "a.tiff", np.array([[0.0, 0.5, 1.0]], dtype=np.float32))
    assert read_image(path)[0, :, 0].tolist() == [0, 128, 255]
    with pytest.raises(Failure, match="floating-point"):
        read_labels(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_brightness(tmp_path, value):
    path = write(tmp_path / "a.tiff", np.array([[0.0, value, 1.0]], dtype=np.float32))
    with pytest.raises(Failure, match=r"a.tiff holds 1 values that are NaN or infinite"):
        read_image(path)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 2.0, 255.0], [0, 2, 255]),
        ([0.0, 500.0, 2000.0], [0, 62, 249]),  # whole numbers: 11 bits, as of integers
        ([-1000.0, 0.0, 1000.0], [0, 128, 255]),
    ],
)
def test_floats_have_the_range_of_their_values(tmp_path, values, expected):
    path = write(tmp_path / "a.tiff", np.array([values], dtype=np.float32))
    assert read_image(path)[0, :, 0].tolist() == expected


def deep(tmp_path, *pictures):
    return [write(tmp_path / f"{index}.png", np.array([one], np.uint16)) for index, one in enumerate(pictures)]


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        (([100, 1200], [0, 300]), (0, 2047)),  # 11 bits hold 1,200
        (([0, 4095], [0, 700]), (0, 4095)),
        (([0, 65535], [0, 700]), (0, 65535)),
        (([0, 200], [0, 20]), (0, 255)),
        (([29000, 30000], [29500, 31000]), (29000, 31000)),  # a thermal camera: nothing near 0
        (([1000] * 3000 + [65535], [4000]), (0, 4095)),  # a hot pixel is not white
    ],
)
def test_sixteen_bits_are_measured_once_for_all_images(tmp_path, pictures, expected):
    paths = deep(tmp_path, *pictures)
    depth = measured_depth([*paths, write(tmp_path / "eight.png", noise(0))])
    assert depth.value_range == expected
    assert depth.notes[0].startswith("2 images of more than 8 bits with values ")
    assert f"{expected[0]} is read as black and {expected[1]} as white" in depth.notes[0]


def test_a_range_makes_the_same_value_the_same_brightness_in_every_image(tmp_path):
    bright, dark = deep(tmp_path, [0, 1024, 4095], [0, 512, 1024])
    assert read_image(bright, (0, 4095))[0, :, 0].tolist() == [0, 64, 255]
    assert read_image(dark, (0, 4095))[0, :, 0].tolist() == [0, 32, 64]
    assert measured_depth([write(tmp_path / "eight.png", noise(0))]) == measured_depth([])


def test_colors_of_sixteen_bits(tmp_path):
    """12 bits in 16 as TIFF (plain, in planes, compressed) and PNG; Pillow alone would keep the upper byte, 0..15."""
    import tifffile

    values = np.random.default_rng(0).integers(0, 4096, (6, 5, 3)).astype(np.uint16)
    values[0, 0] = 4095
    expected = np.rint(values * np.float32(255 / 4095)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "plain.tif", values, photometric="rgb")
    tifffile.imwrite(tmp_path / "big.tif", values, photometric="rgb", byteorder=">")
    tifffile.imwrite(tmp_path / "planes.tif", values.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    (tmp_path / "a.png").write_bytes(png(values, 16, 2))
    for name in ("plain.tif", "big.tif", "planes.tif", "a.png"):
        assert np.array_equal(read_image(tmp_path / name), expected), name
        assert measured_depth([tmp_path / name]).value_range == (0, 4095)


def test_colors_of_floats(tmp_path):
    import tifffile

    values = np.random.default_rng(0).random((6, 5, 3)).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    assert np.array_equal(read_image(tmp_path / "a.tif"), np.rint(values * 255).astype(np.uint8))
    assert image_size(tmp_path / "a.tif") == (6, 5)


@pytest.mark.parametrize("extra", [{}, {"extrasamples": ("unspecified",)}, {"extrasamples": ("unassalpha",)}])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_fourth_band_is_left_out(tmp_path, extra, kind):
    """Near infrared beside red, green and blue: whatever the file calls it, no opacity looks like that."""
    import tifffile

    values = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (16, 15, 4)).astype(kind)
    values[0, 0] = np.iinfo(kind).max
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", **extra)
    colors = np.rint(values[..., :3] * np.float32(255 / np.iinfo(kind).max)).astype(np.uint8)
    assert np.array_equal(read_image(tmp_path / "a.tif"), colors)
    assert "1 image with a further band that is not opacity" in measured_depth([tmp_path / "a.tif"]).notes[-1]


def test_opacity_in_a_tiff_is_opacity(tmp_path):
    pixels = np.zeros((2, 2, 4), dtype=np.uint8)
    pixels[0, 0] = 10, 20, 30, 255
    path = write(tmp_path / "a.tiff", pixels)
    assert read_image(path)[0].tolist() == [[10, 20, 30], [255, 255, 255]]
    assert measured_depth([path]).notes == ()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_tiff_is_read_as_the_jpeg_is(tmp_path, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    pixels = np.kron(noise(0, 3, 5), np.ones((8, 8, 1), dtype=np.uint8))
    for name, options in (("a.tif", {"compression": "tiff_lzw"}), ("b.tif", {}), ("c.png", {})):
        write(tmp_path / name, pixels, exif=exif, **options)
        assert np.array_equal(read_image(tmp_path / name), read_image(tmp_path / "a.tif"))
        assert read_labels(tmp_path / name).shape[:2] == read_image(tmp_path / name).shape[:2]
        assert image_size(tmp_path / name) == read_image(tmp_path / name).shape[:2]
        assert stored_size(tmp_path / name) == (24, 40)
    write(tmp_path / "a.jpg", pixels, exif=exif, quality=100, subsampling=0)
    difference = read_image(tmp_path / "a.jpg").astype(int) - read_image(tmp_path / "a.tif")
    assert image_size(tmp_path / "a.tif") == image_size(tmp_path / "a.jpg") and np.abs(difference).max() < 12


def test_no_format_that_starts_a_program_is_tried(tmp_path, monkeypatch):
    """PostScript under the name of a PNG: Pillow would hand it to the `gs` on PATH."""
    monkeypatch.setattr("subprocess.check_call", lambda *_, **__: pytest.fail("a program was started"))
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a program was started"))
    (tmp_path / "a.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    for read in (read_image, read_labels, image_size, file_format):
        with pytest.raises(Failure, match="a.png is not an image that can be read"):
            read(tmp_path / "a.png")


def test_every_opening_names_its_formats():
    """Pillow's `open` appears nowhere in the package without them."""
    import re
    from pathlib import Path

    import kseg

    for path in Path(kseg.__file__).parent.rglob("*.py"):
        for call in re.findall(r"Image\.open\([^)]*\)", path.read_text(encoding="utf-8")):
            assert "formats=" in call, f"{path}: {call}"


@pytest.mark.parametrize("suffix", ["webp", "avif", "gif", "jp2"])
def test_formats_of_the_web(tmp_path, suffix):
    image = Image.fromarray(np.full((16, 16, 3), (200, 40, 90), dtype=np.uint8))
    image.save(tmp_path / f"a.{suffix}")
    assert np.abs(read_image(tmp_path / f"a.{suffix}").astype(int) - (200, 40, 90)).max() < 12


def test_a_thumbnail_inside_a_tiff_is_no_second_picture(tmp_path):
    import tifffile

    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(noise(0), photometric="rgb")
        tiff.write(noise(1, 6, 5), photometric="rgb", subfiletype=1)
    assert np.array_equal(read_image(tmp_path / "a.tif"), noise(0))
    tifffile.imwrite(tmp_path / "stack.tif", np.stack([noise(0), noise(1)]), photometric="rgb")
    with pytest.raises(Failure, match="stack.tif holds 2 frames"):
        read_image(tmp_path / "stack.tif")


def test_animated_files_are_refused_and_still_gifs_are_not(tmp_path):
    frames = [Image.fromarray(noise(seed)) for seed in range(3)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "still.gif")
    assert read_image(tmp_path / "still.gif").shape == (12, 10, 3)
    with pytest.raises(Failure, match="moving.gif holds 3 frames"):
        read_image(tmp_path / "moving.gif")


def test_a_phone_photo_with_a_preview_is_still_one_photo(tmp_path):
    frames = [Image.fromarray(noise(seed)) for seed in range(2)]
    frames[0].save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "a.jpg").shape == (12, 10, 3)


@pytest.mark.parametrize("read", [read_image, read_labels, image_size])
def test_missing_empty_and_foreign_files(tmp_path, read):
    with pytest.raises(Failure, match="gone.png does not exist"):
        read(tmp_path / "gone.png")
    with pytest.raises(Failure, match="is a folder"):
        read(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(Failure, match=r"empty.png is empty \(0 bytes\)"):
        read(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("hello world")
    with pytest.raises(Failure, match="text.png is not an image .*hello"):
        read(tmp_path / "text.png")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "bmp"])
@pytest.mark.parametrize("read", [read_image, read_labels])
def test_truncated_files(tmp_path, suffix, read):
    whole = write(tmp_path / f"whole.{suffix}", noise(0, 64, 64)).read_bytes()
    (tmp_path / f"half.{suffix}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Failure, match=f"half.{suffix} is"):
        read(tmp_path / f"half.{suffix}")


def test_no_corruption_of_a_file_escapes_as_another_error(tmp_path):
    """Flip bytes anywhere: either pixels come back or a `Failure` does."""
    rng = np.random.default_rng(0)
    for suffix in ("jpg", "png", "tiff", "gif", "bmp"):
        whole = bytearray(write(tmp_path / f"a.{suffix}", noise(0)).read_bytes())
        for trial in range(40):
            broken = whole.copy()
            for place in rng.integers(0, len(whole), 3):
                broken[place] = rng.integers(256)
            path = tmp_path / f"broken{trial}.{suffix}"
            path.write_bytes(broken)
            for read in (read_image, read_labels):
                try:
                    assert read(path).dtype.kind in "ui"
                except Failure as failure:
                    assert path.name in str(failure)


def test_a_decompression_bomb_is_named(tmp_path, monkeypatch):
    path = write(tmp_path / "a.png", noise(0))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(Failure, match="too large to open safely"):
        read_image(path)


def gray_png(values: np.ndarray, bits: int) -> bytes:
    """A gray PNG of 1, 2 or 4 bits, which Pillow can read but not write."""
    rows = []
    for row in values:
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(int(text, 2).to_bytes(len(text) // 8, "big"))
    return png_of(values.shape, rows, bits, color_type=0)


def png(values: np.ndarray, bits: int, color_type: int) -> bytes:
    """A PNG of 16-bit channels, which Pillow can read but not write."""
    return png_of(values.shape, [row.astype(">u2").tobytes() for row in values], bits, color_type)


def png_of(shape, rows, bits: int, color_type: int) -> bytes:
    import struct
    import zlib

    def block(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", shape[1], shape[0], bits, color_type, 0, 0, 0)
    content = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", header) + block(b"IDAT", content) + block(b"IEND", b"")


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("mode", ["L", "P", "I;16", "RGBA"])
def test_a_turned_tiff_without_compression(tmp_path, mode, orientation):
    """Pillow maps such files into memory, by the turned size: rows were cut in the wrong places."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = np.random.default_rng(0).integers(0, 255, (24, 40)).astype(np.uint16 if mode == "I;16" else np.uint8)
    picture = Image.fromarray(np.dstack([stored] * 3 + [np.full_like(stored, 255)]) if mode == "RGBA" else stored)
    if mode == "P":
        picture.putpalette([channel for value in range(256) for channel in (value, 255 - value, 7)])
    picture.save(tmp_path / "a.tif", exif=exif)
    upright = TURNS[orientation](stored)
    assert image_size(tmp_path / "a.tif") == upright.shape
    if mode == "RGBA":
        assert np.array_equal(read_image(tmp_path / "a.tif")[..., 0], upright)
    else:
        assert np.array_equal(read_mask(tmp_path / "a.tif").values, upright)
        assert read_image(tmp_path / "a.tif").shape[:2] == upright.shape


def test_near_infrared_in_a_png_is_no_opacity(tmp_path):
    rng = np.random.default_rng(0)
    colors, infrared = rng.integers(0, 255, (16, 15, 3)), rng.integers(20, 230, (16, 15, 1))
    infrared[:5] = 0  # water
    path = write(tmp_path / "a.png", np.concatenate([colors, infrared], axis=-1).astype(np.uint8))
    assert np.array_equal(read_image(path), colors)
    assert "1 image with a further band that is not opacity" in measured_depth([path]).notes[0]


def test_a_picture_shown_half_transparent_lies_on_white(tmp_path):
    pixels = np.zeros((4, 4, 4), dtype=np.uint8)
    pixels[..., 3] = 128
    assert read_image(write(tmp_path / "a.png", pixels))[0, 0].tolist() == [127] * 3


def test_turned_pictures_are_said(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    paths = [write(tmp_path / name, noise(0), exif=exif) for name in ("a.jpg", "b.tif", "c.png")]
    assert measured_depth([*paths, write(tmp_path / "d.jpg", noise(1))]).notes[0].startswith("3 images turned as")
