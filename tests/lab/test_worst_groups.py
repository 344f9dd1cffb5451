"""The worst images by group: contrast and confusion by hand, and the images of each group."""

import numpy as np
from pytest import approx

from kseg.lab.worst_groups import (
    DOMINATES,
    FAINT,
    MIXED_UP,
    SMALL,
    ImageFacts,
    confusion_of_kinds,
    edge_contrast,
    image_facts,
    worst_groups,
    worst_plot,
)

INSIDE = np.zeros((20, 20), bool)
INSIDE[5:15, 5:15] = True


def test_contrast_is_that_of_the_outline():
    white_on_black = np.where(INSIDE[..., None], 255, 0).astype(np.uint8).repeat(3, -1)
    assert edge_contrast(white_on_black, INSIDE) == approx(1)
    # red 30 apart at the outline; what lies far outside does not count
    image = np.zeros((20, 20, 3), np.uint8)
    image[INSIDE, 0] = 30
    image[0, :] = 255
    assert edge_contrast(image, INSIDE, band=2) == approx(30 / (255 * 3**0.5))
    assert np.isnan(edge_contrast(image, np.zeros((20, 20), bool)))
    assert np.isnan(edge_contrast(image, np.ones((20, 20), bool)))


def test_confusion_counts_other_kinds_alone():
    truth, mask = np.array([[1, 1, 1, 1, 0, 255]]), np.array([[1, 2, 0, 3, 2, 2]])
    assert confusion_of_kinds(truth, mask, (1, 2)) == approx(1 / 4)  # 2 for 1; 0 is missed, 3 is no kind
    assert confusion_of_kinds(truth * 0, mask, (1, 2)) == 0


def facts(name, iou, share=0.5, contrast=0.5, confused=0.0):
    return ImageFacts(name, iou, share, contrast, confused)


def test_groups_of_the_worst():
    rest = [facts(f"r{i}", 0.9, 0.4 + i / 200, 0.4 + i / 200) for i in range(36)]
    worst = [facts("large", 0.1, share=0.9), facts("small faint", 0.2, share=0.1, contrast=0.1),
             facts("dog", 0.3, 0.5, 0.5, confused=0.5), facts("why", 0.4)]  # fmt: skip
    groups = worst_groups([*rest, *worst])
    assert {name: [one.id for one in group] for name, group in groups.items()} == {
        DOMINATES: ["large"], SMALL: ["small faint"], FAINT: ["small faint"], MIXED_UP: ["dog"], "other": ["why"],
    }  # fmt: skip


def test_facts_and_picture_of_a_data_set():
    class Animals:
        """Ten images of growing objects."""

        palette = ((0, 0, 0), (255, 0, 0), (0, 255, 0))

        def records(self, split):
            return [type("Record", (), {"id": str(i)}) for i in range(10)]

        def image(self, record):
            return np.full((16, 16, 3), 20 * int(record.id), np.uint8)

        def labels(self, record):
            truth = np.zeros((16, 16), np.uint8)
            truth[:, : 1 + int(record.id)] = 1
            truth[0, 15] = 255
            return truth

    dataset = Animals()
    masks = {str(i): np.full((16, 16), 2, np.uint8) for i in range(10)}
    found = image_facts(dataset, dataset.records("test"), masks, [*np.linspace(0.1, 0.9, 9), None], kinds=(1, 2))
    assert len(found) == 9 and found[3].share == approx(4 * 16 / 255)
    assert found[3].contrast == 0 and found[3].confused == 1
    plot = worst_plot(dataset, masks, found, "Worst")
    assert "worst 1 of 9 images" in plot.text and "taken for another kind 1" in plot.text
    assert worst_plot(dataset, masks, [], "Worst") is None
