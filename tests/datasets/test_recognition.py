"""Masks as people save them: what each folder of them is recognized as, and what is refused with a way out."""

import shlex

import numpy as np
import pytest
from PIL import Image

from kseg.conventions import VOID
from kseg.datasets import data_options
from kseg.datasets.folder.recognition import recognize
from kseg.errors import Failure, UsageError

H, W = 40, 48
BLACK, WHITE, RED, BLUE = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255)


def disc(index: int, scale: int = 1) -> np.ndarray:
    """bool (H, W): an object that lies elsewhere in every image."""
    rng = np.random.default_rng(1000 + index)
    y, x, radius = rng.uniform(0.35, 0.65) * H, rng.uniform(0.35, 0.65) * W, rng.uniform(0.2, 0.28) * H
    rows, columns = np.mgrid[: H * scale, : W * scale] / scale
    return np.hypot(rows - y, columns - x) < radius


def two(index: int) -> np.ndarray:
    """uint8 (H, W) of 0, 1 and 2: a disc, and a block in the corner."""
    ids = disc(index).astype(np.uint8)
    ids[:6, :8] = 2
    return ids


def gray(values) -> Image.Image:
    return Image.fromarray(np.asarray(values, dtype=np.uint8))


def of_palette(indices: np.ndarray, *colors) -> Image.Image:
    image = gray(indices)
    image.putpalette([channel for color in colors for channel in color])
    return image


def painted(index: int, *colors) -> np.ndarray:
    """uint8 (H, W, 3): `two` in colors."""
    return np.array(colors, dtype=np.uint8)[two(index)]


def smooth(pixels: np.ndarray) -> Image.Image:
    """Drawn large and scaled down, so that edges are blended."""
    return Image.fromarray(pixels).resize((W, H), Image.Resampling.BILINEAR)


def soft(index: int) -> Image.Image:
    return smooth((disc(index, 6) * 255).astype(np.uint8))


def stray(index: int) -> Image.Image:
    pixels = np.array(disc(index) * 255, dtype=np.uint8)
    pixels[0, 0], pixels[0, 1] = 1, 254
    return gray(pixels)


def rgba(color, alpha: np.ndarray) -> Image.Image:
    pixels = np.zeros((H, W, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = color, alpha
    return Image.fromarray(pixels)


def numbered(index: int) -> np.ndarray:
    """uint8 (H, W): 2 to 7 objects, numbered anew in every image."""
    ids = np.zeros((H, W), dtype=np.uint8)
    for number in range(1, 3 + index % 6):
        top, left = divmod(number - 1, 3)
        ids[4 + 13 * top : 12 + 13 * top, 4 + 15 * left : 14 + 15 * left] = number
    return ids


def written(folder, draw, count=8, suffix="png", **options):
    """`count` masks by `draw(index)`, or by each of several drawings in turn."""
    drawings = draw if isinstance(draw, tuple) else (draw,)
    paths = []
    for index in range(count):
        image = drawings[index % len(drawings)](index)
        path = folder / f"m{index}.{suffix}"
        (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
        paths.append(path)
    return paths


def coding_of(paths, **options):
    return recognize(paths, data_options("folder", **options), paths[0].parent)


def tiff_of(pixels: np.ndarray, path):
    import tifffile

    tifffile.imwrite(path, pixels)
    return path


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


IDS = {
    "ids": (two, {0: 0, 1: 1, 2: 2}, ("background", "class 1", "class 2")),
    "ids in a palette": (
        lambda i: of_palette(two(i), BLACK, RED, BLUE),
        {0: 0, 1: 1, 2: 2},
        ("background", "class 1", "class 2"),
    ),
    "ids in a palette of grays": (
        lambda i: of_palette(two(i), BLACK, (127,) * 3, WHITE),
        {0: 0, 1: 1, 2: 2},
        ("background", "class 1", "class 2"),
    ),
    "ids and void": (
        lambda i: np.array([0, 1, VOID], np.uint8)[two(i)],
        {0: 0, 1: 1, 2: VOID},
        ("background", "class 1"),
    ),
    "ids, and void files": (
        lambda i: np.full((H, W), VOID, np.uint8) if i == 7 else disc(i).astype(np.uint8),
        {0: 0, 1: 1},
        ("background", "class 1"),
    ),
    "ids from 1": (lambda i: two(i) + 1, {0: 0, 1: 1, 2: 2}, ("class 1", "class 2", "class 3")),
    "ids in 16 bits": (lambda i: two(i).astype(np.uint16), {0: 0, 1: 1, 2: 2}, ("background", "class 1", "class 2")),
}


@pytest.mark.parametrize("name", IDS)
def test_ids_are_classes(tmp_path, name):
    draw, meaning, names = IDS[name]
    paths = written(tmp_path, draw)
    coding = coding_of(paths)
    assert coding.names == names and "class ids" in coding.notes[0]
    table = np.array([meaning.get(value, 0) for value in range(3)])
    expected = table[disc(0).astype(np.uint8) if "files" in name else two(0)]
    assert np.array_equal(coding.decode(paths[0]), expected)
    if "files" in name:
        assert (coding.decode(paths[7]) == VOID).all()


def test_many_ids_are_neither_grays_nor_objects(tmp_path):
    """100 classes in blocks that come in several pieces, and 255 around them."""

    def draw(index):
        blocks = np.random.default_rng(index).integers(0, 100, (H // 4, W // 4)).astype(np.uint8)
        return np.pad(np.kron(blocks, np.ones((4, 4), np.uint8)), 2, constant_values=VOID)

    paths = written(tmp_path, draw, count=20)
    coding = coding_of(paths)
    assert len(coding.names) == 100 and coding.decode(paths[0])[0, 0] == VOID


def test_what_may_be_objects_or_classes_is_refused(tmp_path):
    """Six objects in every image, numbered from top to bottom as scikit-image does."""

    def draw(index):
        ids = np.zeros((H, W), dtype=np.uint8)
        for number in range(6):
            top, left = 3 + 18 * (number // 3) + number % 3, 3 + 15 * (number % 3) + index % 3
            ids[top : top + 10, left : left + 9] = number + 1
        return ids

    paths = written(tmp_path, draw)
    with pytest.raises(UsageError, match=r"numbers up to 6 \(6 an image.* --binary .* or --classes"):
        coding_of(paths)
    assert np.array_equal(coding_of(paths, binary="auto").decode(paths[0]), draw(0) > 0)
    assert coding_of(paths, classes=tuple("abcdefg")).decode(paths[0]).max() == 6


def test_grays_without_a_peak_are_no_ids(tmp_path):
    ramp = np.tile(np.linspace(0, 180, W).astype(np.uint8), (H, 1))
    paths = written(tmp_path, lambda i: np.roll(ramp, i, axis=0) // (1 + i % 2))
    with pytest.raises(UsageError, match=r"do not look like ids .* Pass --binary"):
        coding_of(paths)


def test_numbers_are_classes_where_they_are_named(tmp_path):
    paths = written(tmp_path, numbered)
    coding = coding_of(paths, classes=tuple(f"c{number}" for number in range(8)))
    assert np.array_equal(coding.decode(paths[5]), numbered(5))


@pytest.mark.parametrize(
    ("draw", "complaint", "remedy"),
    [
        (lambda i: np.array([0, 128, 255], np.uint8)[two(i)], "do not look like ids", {"void": (128,)}),
        (lambda i: np.array([0, 128, 255], np.uint8)[two(i)], "Pass --binary", {"binary": "auto"}),
        (lambda i: np.array([0, 60, 200], np.uint8)[two(i)], "--binary N", {"binary": 100.0}),
        (lambda i: painted(i, BLACK, RED, BLUE), "in color", {"binary": "auto"}),
    ],
)
def test_what_could_mean_two_things_is_refused_and_the_remedy_works(tmp_path, draw, complaint, remedy):
    paths = written(tmp_path, draw)
    with pytest.raises(UsageError, match=complaint):
        coding_of(paths)
    ids = coding_of(paths, **remedy).decode(paths[0])
    if "void" in remedy:
        assert np.array_equal(ids, np.array([0, VOID, 1])[two(0)])
    else:
        assert np.array_equal(ids, two(0) == 2 if remedy["binary"] == 100 else two(0) > 0)


def test_a_void_value_that_no_mask_holds_is_said(tmp_path):
    paths = written(tmp_path, two)
    assert coding_of(paths, void=(7,)).notes[1] == "no mask holds 7, which --void names"
    assert len(coding_of(paths, void=(2,)).notes) == 1


def pasted(complaint: str) -> dict:
    """The options that a sentence advises, as a shell would hand them over."""
    words = shlex.split(complaint[complaint.rindex("--colors") :])
    colors = tuple(word for word in words[1:] if "=" in word)
    tolerance = float(words[words.index("--color-tolerance") + 1]) if "--color-tolerance" in words else 0.0
    return {"colors": colors, "color_tolerance": tolerance}


COLORED = {
    "flat": lambda i: painted(i, BLACK, RED, BLUE),
    "a light object": lambda i: painted(i, BLACK, RED, (251, 251, 251)),
    "transparent": lambda i: rgba(painted(i, WHITE, RED, BLUE), (two(i) > 0) * 255),
    "other palettes per file": (
        lambda i: of_palette(two(i), BLACK, RED, BLUE),
        lambda i: of_palette(np.array([2, 0, 1])[two(i)], RED, BLUE, BLACK),
    ),
    "indices that are no ids": lambda i: of_palette(
        np.array([250, 40, 90], np.uint8)[two(i)], *[BLACK] * 40, RED, *[BLACK] * 49, BLUE, *[BLACK] * 161
    ),
}


@pytest.mark.parametrize("name", COLORED)
def test_the_advice_for_colors_works_when_pasted(tmp_path, name):
    paths = written(tmp_path, COLORED[name])
    with pytest.raises(UsageError, match="in color; of 3 colors the most frequent are 0,0,0 .*%") as refused:
        coding_of(paths)
    options = pasted(str(refused.value))
    assert options["colors"][0] == "background=0,0,0" and len(options["colors"]) == 3
    coding = coding_of(paths, **options)
    for index, path in enumerate(paths):
        # NAME1 is the more frequent one, the disc
        assert np.array_equal(coding.decode(path), two(index)), f"{name}: mask {index}"


def test_blended_colors_and_jpegs_are_read_by_the_advice(tmp_path):
    def draw(index):
        return smooth(np.kron(painted(index, BLACK, RED, (0, 200, 60)), np.ones((6, 6, 1), np.uint8)))

    for suffix in ("png", "jpg"):
        (tmp_path / suffix).mkdir()
        paths = written(tmp_path / suffix, draw, suffix=suffix)
        with pytest.raises(UsageError, match="--color-tolerance") as refused:
            coding_of(paths)
        coding = coding_of(paths, **pasted(str(refused.value)))
        assert len(coding.names) == 3
        assert max(np.mean(coding.decode(path) != two(index)) for index, path in enumerate(paths)) < 0.03


def test_two_colors_after_compression_are_two(tmp_path):
    paths = written(tmp_path, lambda i: disc(i)[..., None] * np.array(RED, np.uint8), suffix="webp")
    coding = coding_of(paths)
    assert "two colors" in coding.notes[0]
    assert all(np.mean(coding.decode(path) != disc(index)) < 0.01 for index, path in enumerate(paths))


def test_the_border_of_vocs_colors_is_advised_as_void(tmp_path):
    paths = written(tmp_path, lambda i: painted(i, BLACK, RED, (224, 224, 192)))
    with pytest.raises(UsageError, match="NAME1=255,0,0 void=224,224,192") as refused:
        coding_of(paths)
    ids = coding_of(paths, **pasted(str(refused.value))).decode(paths[0])
    assert np.array_equal(ids, np.array([0, 1, VOID])[two(0)])


def test_colors_beyond_the_tolerance(tmp_path):
    pixels = painted(0, BLACK, RED, BLUE)
    pixels[20, 20] = 120, 0, 0
    paths = written(tmp_path, lambda i: Image.fromarray(pixels), count=1)
    named = ("background=0,0,0", "cat=255,0,0", "dog=0,0,255")
    with pytest.raises(Failure, match=r"color \(120, 0, 0\) that --colors does not name .*add NAME=120,0,0, or void="):
        coding_of(paths, colors=named).decode(paths[0])
    assert coding_of(paths, colors=named, color_tolerance=100.0).decode(paths[0])[20, 20] == VOID
    assert coding_of(paths, colors=named, color_tolerance=130.0).decode(paths[0])[20, 20] == 0
    # a class that was forgotten is no edge
    with pytest.raises(Failure, match=r"color \(0, 0, 255\)"):
        coding_of(paths, colors=named[:2], color_tolerance=130.0).decode(paths[0])


def test_one_color_per_object_is_read_as_foreground_when_asked(tmp_path):
    def draw(index):
        colors = np.random.default_rng(index).integers(20, 256, (8, 3)).astype(np.uint8)
        colors[0] = 0
        return colors[numbered(index)]

    paths = written(tmp_path, draw, count=6)
    with pytest.raises(UsageError, match="rather objects than classes: --binary"):
        coding_of(paths)
    coding = coding_of(paths, binary="auto")
    assert all(np.array_equal(coding.decode(path), numbered(index) > 0) for index, path in enumerate(paths))


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


def test_advice_for_a_binary_mask_of_odd_values_in_a_jpeg(tmp_path):
    paths = written(tmp_path, two, suffix="jpg")
    with pytest.raises(Failure, match="is a JPEG with more than black and white, .* or pass --binary"):
        coding_of(paths)


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
    with pytest.raises(UsageError, match="4 masks of 8 .* save them all alike, without transparency"):
        coding_of(paths)


@pytest.mark.parametrize("other", [lambda i: gray(disc(i)), lambda i: of_palette(disc(i) * 1, BLACK, WHITE)])
def test_soft_edges_beside_files_of_0_and_1(tmp_path, other):
    paths = written(tmp_path, lambda i: other(i) if i % 2 else soft(i))
    coding = coding_of(paths)
    assert len(coding.names) == 2 and "soft edges" in coding.notes[0]
    assert all(np.mean(coding.decode(path) != disc(index)) < 0.02 for index, path in enumerate(paths))


def blocks(index: int, numbers, *, by_column: bool = False) -> np.ndarray:
    """Blocks of the given numbers at places that chance chooses, or numbered from left to right."""
    rng = np.random.default_rng(index)
    places = rng.permutation(12)[: len(numbers)]
    if by_column:
        places = sorted(places, key=lambda place: (place % 4, place))
    ids = np.zeros((H, W), dtype=np.uint8)
    for number, place in zip(numbers, places, strict=True):
        top, left = 13 * (place // 4) + rng.integers(3), 12 * (place % 4) + (0 if by_column else rng.integers(3))
        ids[top : top + rng.integers(5, 9), left : left + rng.integers(5, 9)] = number
    return ids


def by_size(ids: np.ndarray) -> np.ndarray:
    """Objects numbered anew, the largest first."""
    sizes = np.bincount(ids.ravel())[1:]
    ranks = np.argsort(np.argsort(-sizes, kind="stable"), kind="stable") + 1
    return np.concatenate([[0], ranks]).astype(np.uint8)[ids]


@pytest.mark.parametrize(
    "draw",
    [
        lambda i: blocks(i, [1, 2, 3, 4, 5]),
        lambda i: blocks(i, [1, 2, 3]),
        lambda i: blocks(i, range(1, 3 + i % 2)),
        lambda i: blocks(i, range(1, 2 + i % 2)),
        lambda i: blocks(i, [1, 2, 3, 4, 5], by_column=True),
        lambda i: by_size(blocks(i, [1, 2, 3, 4, 5])),
    ],
)
def test_numbers_that_go_with_neither_place_nor_size_are_asked_about(tmp_path, draw):
    """Equally many objects in every image; as classes they would be read wrong without a word."""
    paths = written(tmp_path, draw, count=20)
    with pytest.raises(UsageError, match=r"may count the objects .* --binary .* \(--classes background NAME1") as error:
        coding_of(paths)
    names = tuple(str(error.value).split("(--classes ")[1].rstrip(")").split())
    assert np.array_equal(coding_of(paths, classes=names).decode(paths[0]), draw(0))
    assert np.array_equal(coding_of(paths, binary="auto").decode(paths[0]), draw(0) > 0)


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_organs_that_lie_at_their_place_are_classes(tmp_path, share):
    """Each of one piece, some of them missing in some images: no numbering of objects leaves such gaps."""

    def draw(index):
        rng, ids = np.random.default_rng(index), np.zeros((H, W), dtype=np.uint8)
        for place, organ in enumerate((3, 1, 5, 2, 4)):
            if rng.random() < share:
                top = 4 + 18 * (place % 2) + index % 4
                ids[top : top + 10, 2 + 9 * place : 9 + 9 * place] = organ
        return ids

    paths = written(tmp_path, draw, count=20)
    coding = coding_of(paths)
    assert len(coding.names) == 6 and np.array_equal(coding.decode(paths[3]), draw(3))
