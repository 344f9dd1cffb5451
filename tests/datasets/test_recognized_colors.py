"""Masks in color: two colors are recognized, of more the advice in the refusal works when it is pasted."""

import shlex

import numpy as np
import pytest
from drawn_masks import (
    BLACK,
    BLUE,
    RED,
    WHITE,
    coding_of,
    disc,
    numbered,
    of_palette,
    painted,
    rgba,
    smooth,
    two,
    written,
)
from PIL import Image

from kseg.conventions import VOID
from kseg.errors import Failure, UsageError


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
    with pytest.raises(UsageError, match="probably objects: --objects numbers .*--binary"):
        coding_of(paths)
    coding = coding_of(paths, binary="auto")
    assert all(np.array_equal(coding.decode(path), numbered(index) > 0) for index, path in enumerate(paths))
