"""Transforms: what they do to image and label together, and that only the generator decides."""

import numpy as np
import pytest

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.pipeline import Augmentation, compose
from kseg.pipeline.transforms import MEAN_COLOUR, colour, crop, flip, scale


@pytest.fixture
def example():
    """The label of a pixel equals its red value, so that a transform that moves one without the other shows."""
    ids = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8)
    return {"image": np.stack([ids, ids, 255 - ids], axis=-1), "label": ids}


class Fixed:
    """A generator whose draws are known."""

    def __init__(self, *draws):
        self.draws = list(draws)

    def random(self):
        return self.draws.pop(0)

    def uniform(self, low, high, size=None):
        return self.draws.pop(0) if size is None else np.array(self.draws.pop(0))

    def integers(self, high):
        value = self.draws.pop(0)
        assert 0 <= value < high
        return value


def test_flip_mirrors_both(example):
    assert flip(example, Fixed(0.49)) is example
    flipped = flip(example, Fixed(0.5))
    np.testing.assert_array_equal(flipped["label"], example["label"][:, ::-1])
    np.testing.assert_array_equal(flipped["image"][..., 0], flipped["label"])


def test_crop_cuts_the_same_window_of_both(example):
    cut = crop(example, Fixed(2, 3), size=(4, 5))
    np.testing.assert_array_equal(cut["label"], example["label"][2:6, 3:8])
    np.testing.assert_array_equal(cut["image"][..., 0], cut["label"])


def test_crop_pads_with_mean_colour_and_void(example):
    # 6 rows in 9: offset 1 puts them on rows 1..6; 8 columns cut to 5: offset 3 keeps columns 3..7
    cut = crop(example, Fixed(1, 3), size=(9, 5))
    np.testing.assert_array_equal(cut["label"][1:7], example["label"][:, 3:8])
    outside = np.r_[0, 7, 8]
    assert (cut["label"][outside] == VOID).all()
    assert (cut["image"][outside] == MEAN_COLOUR).all()
    np.testing.assert_array_equal(cut["image"][1:7, :, 0], cut["label"][1:7])


def test_scale_keeps_labels_labels(example):
    label = np.where(example["label"] % 2, VOID, 3).astype(np.uint8)
    scaled = scale({**example, "label": label}, Fixed(1.5), factors=(0.5, 2))
    assert scaled["image"].shape == (9, 12, 3)
    assert set(np.unique(scaled["label"])) == {3, VOID}


def test_colour_by_hand():
    image = np.full((1, 2, 3), 100, np.uint8)
    image[0, 1] = 50  # grey, mean 75; brightness 1.2: 120 and 60, mean 90; contrast .5: 105 and 75
    result = colour({"image": image, "label": image[..., 0]}, Fixed([1.2, 0.5, 2.0]), strength=1.0)
    np.testing.assert_array_equal(result["image"][0, :, 0], [105, 75])  # a grey pixel has no saturation
    np.testing.assert_array_equal(result["label"], image[..., 0])


def test_colour_without_saturation_is_grey(example):
    result = colour(example, Fixed([1.0, 1.0, 0.0]), strength=1.0)["image"].astype(int)
    assert np.ptp(result, axis=-1).max() <= 1


def test_off_by_default():
    assert not Augmentation().active
    assert Augmentation().transforms() == ()


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(flip=True),
        Augmentation(scale=(0.5, 2.0)),
        Augmentation(crop=(5, 9)),
        Augmentation(colour=0.4),
        Augmentation(flip=True, scale=(0.5, 2.0), crop=(4, 4), colour=0.4),
    ],
)
def test_the_generator_alone_decides_and_the_input_stays(example, augmentation):
    assert augmentation.active
    before = {name: array.copy() for name, array in example.items()}
    transform = compose(augmentation.transforms())
    results = [transform(example, np.random.default_rng(seed)) for seed in (1, 1, *range(2, 20))]
    for name in ("image", "label"):
        np.testing.assert_array_equal(results[0][name], results[1][name])
        np.testing.assert_array_equal(example[name], before[name])
        assert results[0][name].dtype == np.uint8
    assert any(not np.array_equal(results[0]["image"], other["image"]) for other in results[2:])
    assert {r["label"].shape for r in results} == {augmentation.crop or (6, 8)}  # batches can be stacked
    assert {r["image"].shape[:2] for r in results} == {augmentation.crop or (6, 8)}


@pytest.mark.parametrize("arguments", [{"scale": (2.0, 1.0)}, {"scale": (0.0, 1.0)}, {"crop": (0, 4)}, {"colour": 1.5}])
def test_impossible_values_are_named(arguments):
    ((name, _),) = arguments.items()
    with pytest.raises(UsageError, match=f"{name} is"):
        Augmentation(**arguments)
