"""What comes out of image files of every kind, and what is said about broken ones."""

import numpy as np
import pytest
from layouts import noise, write
from PIL import Image

from kseg.datasets.images import file_format, image_size, read_image, read_labels
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


def test_sixteen_bit_grey_is_scaled(tmp_path):
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


def test_palette_image_gives_colours_and_palette_mask_gives_indices(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8))
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
    assert read_labels(tmp_path / "a.png").tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_masks_of_few_bits_keep_their_ids(tmp_path, bits):
    ids = np.arange(2**bits, dtype=np.uint8)[None]
    path = tmp_path / "a.png"
    path.write_bytes(grey_png(ids, bits))
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


def grey_png(values: np.ndarray, bits: int) -> bytes:
    """A grey PNG of 1, 2 or 4 bits, which Pillow can read but not write."""
    import struct
    import zlib

    def block(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width = values.shape
    rows = b""
    for row in values:
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        rows += b"\0" + int(text, 2).to_bytes(len(text) // 8, "big")
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", header) + block(b"IDAT", zlib.compress(rows)) + block(b"IEND", b"")
