"""The width of structures: strips and discs by hand, and which class of a folder is the narrowest."""

import numpy as np
import pytest
from PIL import Image

from kseg.conventions import VOID
from kseg.datasets import Record, data_options, object_width, open_dataset
from kseg.datasets.object_width import component_widths, median_size, narrowest_width


def strip(width, size=60):
    labels = np.zeros((size, size), np.uint8)
    labels[:, 30 : 30 + width] = 1
    return labels


def width_of(labels, found=1):
    rows = component_widths(labels)
    return rows[rows[:, 0] == found][:, 1]


@pytest.mark.parametrize("width", [2, 4, 10])
def test_a_strip_is_as_wide_as_it_is(width):
    # distances 1 … w/2 and back: their mean is (w/2 + 1)/2, less ½, times 4
    assert width_of(strip(width)) == pytest.approx([width])


def test_a_disc_counts_two_thirds_of_its_diameter():
    y, x = np.mgrid[:200, :200] - 100
    assert width_of((x**2 + y**2 < 60**2).astype(np.uint8)) == pytest.approx([2 / 3 * 120], rel=0.02)


def test_void_is_no_border_and_a_full_image_has_none():
    labels = strip(4)
    labels[:, 34:] = VOID  # the strip may go on there
    assert width_of(labels) == pytest.approx([8.0])  # distances 1 2 3 4
    assert len(component_widths(np.ones((8, 8), np.uint8))) == 0


def test_a_large_mask_is_measured_smaller_and_told_in_its_own_pixels(monkeypatch):
    monkeypatch.setattr(object_width, "LONGEST_SIDE", 60)
    assert width_of(strip(40, size=120)) == pytest.approx([40])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Twelve images: strips of 4 and, in every other, a block of 20 pixels; sizes 40×60, one larger."""
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for i in range(12):
        labels = np.zeros((40 + 8 * (i == 0), 60), np.uint8)
        labels[:, 10:14] = 1
        labels[10:30, 30:50] = 2 * (i % 2)
        Image.fromarray(labels).save(tmp_path / "masks" / f"{i:02d}.png")
        Image.fromarray(np.stack([labels * 60] * 3, -1)).save(tmp_path / "images" / f"{i:02d}.png")
    return open_dataset(data_options("folder", tmp_path))


def test_the_narrowest_class_of_a_folder_is_measured_once(folder, monkeypatch):
    records = folder.every_record()
    assert median_size(folder, records) == (40, 60)
    assert narrowest_width(folder, records) == pytest.approx(4.0)
    monkeypatch.setattr(object_width, "component_widths", lambda labels: pytest.fail("read again"))
    assert narrowest_width(folder, records) == pytest.approx(4.0)


@pytest.mark.parametrize("text", ["", "[]", '{"width": "4"}', '{"width": NaN}', "[" * 100_000])
def test_a_damaged_measurement_is_made_again(folder, tmp_path, text):
    narrowest_width(folder, folder.every_record())
    (cached,) = (tmp_path / "cache" / "widths").iterdir()
    cached.write_text(text)
    assert narrowest_width(folder, folder.every_record()) == pytest.approx(4.0)


def test_a_sample_is_spread_over_the_records_and_always_the_same(monkeypatch):
    monkeypatch.setattr(object_width, "SAMPLE", 4)
    records = [Record(str(i)) for i in range(10)]
    assert [record.id for record in object_width._sample(records)] == ["0", "3", "6", "9"]
    assert object_width._sample(records[:2]) == records[:2]
