"""Counts in sentences."""

import pytest

from kseg.wording import counted


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "image", "1 image"),
        (0, "mask", "0 masks"),
        (2, "class", "2 classes"),
        (3, "batch", "3 batches"),
        (2, "category", "2 categories"),
        (2, "day", "2 days"),
        (3, "epoch", "3 epochs"),
    ],
)
def test_the_noun_follows_the_number(number, noun, text):
    assert counted(number, noun) == text
