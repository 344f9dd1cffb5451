"""Counts in sentences."""

import pytest

from kseg.wording import counted, duration


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


def test_times_are_readable():
    assert [duration(s) for s in (3.21, 42, 200, 7500)] == ["3.2 s", "42 s", "3 min 20 s", "2 h 5 min"]
