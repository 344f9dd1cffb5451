"""Whole images of several sizes in one batch: what stands around them, and that nothing of them moves."""

import numpy as np

from kseg.conventions import VOID
from kseg.pipeline import ArraySpec
from kseg.pipeline.padded import Padded
from kseg.pipeline.transforms import MEAN_COLOR


def test_images_lie_at_the_upper_left_of_the_largest_sides(make_drawn, monkeypatch):
    drawn = make_drawn(2)
    sizes = {"image0": (5, 9), "image1": (8, 6)}
    monkeypatch.setattr(drawn, "size_of", lambda record: sizes[record.id])
    source = Padded(drawn, drawn.records("train"))
    images, targets = source.batch(np.arange(2), 0)
    assert source.signature.inputs == ArraySpec((8, 9, 3), "uint8")
    assert source.signature.targets == {"label": ArraySpec((8, 9), "uint8")}
    for index, (height, width) in enumerate(sizes.values()):
        record = drawn.records("train")[index]
        inside = np.zeros((8, 9), bool)
        inside[:height, :width] = True
        np.testing.assert_array_equal(images[index][inside], drawn.image(record).reshape(-1, 3))
        np.testing.assert_array_equal(targets["label"][index][inside], drawn.labels(record).ravel())
        assert (images[index][~inside] == MEAN_COLOR).all()
        assert (targets["label"][index][~inside] == VOID).all()
