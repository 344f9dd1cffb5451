"""Saved masks come back, overlays tint what they should."""

import numpy as np
import pytest
from layouts import noise
from PIL import Image

from kseg.conventions import VOID
from kseg.datasets.images import contrasting_palette, overlay, read_image, read_labels, save_image, save_labels
from kseg.errors import Failure

PALETTE = ((0, 0, 0), (200, 10, 10), (10, 200, 10))


def test_a_saved_mask_keeps_ids_and_shows_colors(tmp_path):
    labels = np.array([[0, 1, 2, VOID]], dtype=np.uint8)
    save_labels(tmp_path / "deep" / "a.png", labels, PALETTE)
    assert read_labels(tmp_path / "deep" / "a.png").tolist() == labels.tolist()
    assert read_image(tmp_path / "deep" / "a.png")[0, :3].tolist() == [list(color) for color in PALETTE]
    assert Image.open(tmp_path / "deep" / "a.png").mode == "P"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.png"]


def test_overlay_leaves_the_background_alone():
    image, labels = noise(0), np.zeros((12, 10), dtype=np.uint8)
    labels[3:9, 2:8] = 1
    result = overlay(image, labels, PALETTE, alpha=0.5)
    assert np.array_equal(result[labels == 0], image[labels == 0])
    inside = result[5, 5].astype(int)
    assert np.abs(inside - (image[5, 5].astype(int) + PALETTE[1]) / 2).max() <= 1
    assert result[3, 2].tolist() == list(PALETTE[1])  # the outline is opaque


def test_overlay_paints_class_0_where_it_is_no_background():
    image, labels = noise(0), np.zeros((12, 10), dtype=np.uint8)
    result = overlay(image, labels, ((100, 100, 100), *PALETTE[1:]), background=False)
    assert np.abs(result - (image.astype(float) + 100) / 2).max() <= 1


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="cannot write"):
        save_image(tmp_path / "file" / "a.png", noise(0))


def test_palettes_tell_classes_apart():
    for count in (2, 3, 21, 60):
        palette = contrasting_palette(count)
        assert len(set(palette)) == count and palette[0] == (0, 0, 0)
