"""Transforms: what they do to image and truth together, and that only the generator decides."""

import copy
from hashlib import blake2b

import numpy as np
import pytest

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.pipeline import Augmentation, compose
from kseg.pipeline.augmentation import SETS
from kseg.pipeline.transforms import MEAN_COLOR, blur, color, crop, flip, noise, rotate, scale, vertical_flip
from kseg.structures import LabelMap


@pytest.fixture
def example():
    """The label of a pixel equals its red value, so that a transform that moves one without the other shows."""
    ids = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8)
    return {"image": np.stack([ids, ids, 255 - ids], axis=-1), "truth": LabelMap(ids)}


class Fixed:
    """A generator whose draws are known."""

    def __init__(self, *draws):
        self.draws = list(draws)

    def random(self):
        return self.draws.pop(0)

    def uniform(self, low, high, size=None):
        return self.draws.pop(0) if size is None else np.array(self.draws.pop(0))

    def standard_normal(self, shape, dtype):
        return np.full(shape, self.draws.pop(0), dtype)

    def integers(self, high):
        value = self.draws.pop(0)
        assert 0 <= value < high
        return value


def test_flip_mirrors_both(example):
    assert flip(example, Fixed(0.49)) is example
    flipped = flip(example, Fixed(0.5))
    np.testing.assert_array_equal(flipped["truth"].ids, example["truth"].ids[:, ::-1])
    np.testing.assert_array_equal(flipped["image"][..., 0], flipped["truth"].ids)


def test_crop_cuts_the_same_window_of_both(example):
    cut = crop(example, Fixed(2, 3), size=(4, 5))
    np.testing.assert_array_equal(cut["truth"].ids, example["truth"].ids[2:6, 3:8])
    np.testing.assert_array_equal(cut["image"][..., 0], cut["truth"].ids)


def test_crop_pads_with_mean_color_and_void(example):
    # 6 rows in 9: offset 1 puts them on rows 1..6; 8 columns cut to 5: offset 3 keeps columns 3..7
    cut = crop(example, Fixed(1, 3), size=(9, 5))
    np.testing.assert_array_equal(cut["truth"].ids[1:7], example["truth"].ids[:, 3:8])
    outside = np.r_[0, 7, 8]
    assert (cut["truth"].ids[outside] == VOID).all()
    assert (cut["image"][outside] == MEAN_COLOR).all()
    np.testing.assert_array_equal(cut["image"][1:7, :, 0], cut["truth"].ids[1:7])


def test_scale_keeps_labels_labels(example):
    label = np.where(example["truth"].ids % 2, VOID, 3).astype(np.uint8)
    scaled = scale({**example, "truth": LabelMap(label)}, Fixed(1.5), factors=(0.5, 2))
    assert scaled["image"].shape == (9, 12, 3)
    assert set(np.unique(scaled["truth"].ids)) == {3, VOID}


def test_color_by_hand():
    image = np.full((1, 2, 3), 100, np.uint8)
    image[0, 1] = 50  # gray, mean 75; brightness 1.2: 120 and 60, mean 90; contrast .5: 105 and 75
    result = color({"image": image, "truth": LabelMap(image[..., 0])}, Fixed([1.2, 0.5, 2.0]), strength=1.0)
    np.testing.assert_array_equal(result["image"][0, :, 0], [105, 75])  # a gray pixel has no saturation
    np.testing.assert_array_equal(result["truth"].ids, image[..., 0])


def test_color_without_saturation_is_gray(example):
    result = color(example, Fixed([1.0, 1.0, 0.0]), strength=1.0)["image"].astype(int)
    assert np.ptp(result, axis=-1).max() <= 1


def test_vertical_flip_turns_both_upside_down(example):
    assert vertical_flip(example, Fixed(0.49)) is example
    turned = vertical_flip(example, Fixed(0.5))
    np.testing.assert_array_equal(turned["truth"].ids, example["truth"].ids[::-1])
    np.testing.assert_array_equal(turned["image"][..., 0], turned["truth"].ids)


def test_rotation_by_a_right_angle_moves_pixels_whole(example):
    square = {"image": example["image"][:, :6], "truth": example["truth"].cropped((0, 0, 6, 6))}
    turned = rotate(square, Fixed(90.0), degrees=90)
    np.testing.assert_array_equal(turned["truth"].ids, np.rot90(square["truth"].ids))
    np.testing.assert_array_equal(turned["image"], np.rot90(square["image"]))


def ellipse(size, angle=0.0, factor=1.0):
    """Image and truth of a bright ellipse off the center, the picture turned by `angle` degrees, counter-clockwise."""
    height, width = size
    y, x = np.mgrid[:height, :width] + 0.5 - np.array(size)[:, None, None] / 2
    a = np.deg2rad(angle)
    x, y = (x * np.cos(a) - y * np.sin(a)) / factor, (x * np.sin(a) + y * np.cos(a)) / factor
    label = (((x - 6) / 14) ** 2 + ((y + 4) / 6) ** 2 < 1).astype(np.uint8)
    return {"image": np.repeat(label[..., None] * np.uint8(255), 3, axis=-1), "truth": LabelMap(label)}


@pytest.mark.parametrize("angle", [-28.0, 7.0, 30.0])
def test_rotating_a_drawing_is_drawing_it_rotated(angle):
    turned, drawn = rotate(ellipse((64, 80)), Fixed(angle), degrees=30), ellipse((64, 80), angle)
    inside = turned["truth"].ids != VOID
    assert 0.75 < inside.mean() < 1.0
    np.testing.assert_array_equal((turned["image"] == MEAN_COLOR).all(axis=-1), ~inside)
    for found in (turned["truth"].ids == 1, inside & (turned["image"][..., 0] > 127)):
        assert (found != drawn["truth"].ids)[inside].sum() <= 20  # of a rim of about 65 pixels
        np.testing.assert_allclose(np.argwhere(found).mean(0), np.argwhere(drawn["truth"].ids).mean(0), atol=0.15)


def test_scaling_a_drawing_is_drawing_it_larger():
    scaled, drawn = scale(ellipse((64, 80)), Fixed(1.5), factors=(1, 2)), ellipse((96, 120), factor=1.5)
    assert (scaled["truth"].ids != drawn["truth"].ids).sum() <= 40
    assert ((scaled["image"][..., 0] > 127) != scaled["truth"].ids).sum() <= 40


def test_blur_and_noise_leave_labels_alone(example):
    flat = {"image": np.full((6, 8, 3), 90, np.uint8), "truth": example["truth"]}
    np.testing.assert_array_equal(blur(flat, Fixed(2.0), sigma=2.0)["image"], flat["image"])  # also along the rim
    dot = {**flat, "image": flat["image"].copy()}
    dot["image"][3, 4] = 255
    blurred = blur(dot, Fixed(1.0), sigma=1.0)
    # a Gaussian of σ = 1 leaves (1/Σ exp(−k²/2))² = 0.1592 of the height of 165 in the middle
    assert abs(int(blurred["image"][3, 4, 0]) - (90 + 0.1592 * 165)) <= 1
    noisy = noise(dot, Fixed(4.0, 2.0), sigma=8.0)  # σ = 4, every draw 2σ
    assert noisy["image"][0, 0, 0] == 98 and noisy["image"][3, 4, 0] == 255
    assert blurred["truth"] is noisy["truth"] is example["truth"]


def test_a_set_is_its_options_and_what_is_given_wins():
    strong = Augmentation("strong", rotate=5.0).expanded()
    assert (strong.rotate, strong.scale, strong.flip) == (5.0, SETS["strong"]["scale"], True)
    assert Augmentation("none", flip=True).transforms() == (flip,)
    upright = Augmentation("light", flip=False, rotate=0.0, scale=(1.0, 1.0))
    assert [transform.func for transform in upright.transforms()] == [color]
    off = Augmentation("strong", False, False, (1.0, 1.0), 0.0, 0.0, None, 0.0, 0.0, 0.0)
    assert off.transforms() == () and off.cacheable
    assert Augmentation("none", flip=True).cacheable and not Augmentation("light").cacheable
    for name in SETS:  # `--help` tells what a set holds
        told = {transform.func.__name__ if hasattr(transform, "func") else transform.__name__ for transform in
                Augmentation(name).transforms()}  # fmt: skip
        assert told == {"scale_and_crop" if option == "scale" else option for option in SETS[name]}


def test_off_by_default():
    assert not Augmentation().active
    assert Augmentation().transforms() == ()


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(flip=True),
        Augmentation(scale=(0.5, 2.0)),
        Augmentation(crop=(5, 9)),
        Augmentation(color=0.4),
        Augmentation(vertical_flip=True),
        Augmentation(rotate=40.0),
        Augmentation(elastic=2.0),
        Augmentation(blur=2.0),
        Augmentation(noise=20.0),
        Augmentation("strong", crop=(4, 4), vertical_flip=True),
        Augmentation(flip=True, scale=(0.5, 2.0), crop=(4, 4), color=0.4),
    ],
)
def test_the_generator_alone_decides_and_the_input_stays(example, augmentation):
    assert augmentation.active
    before = copy.deepcopy(example)
    transform = compose(augmentation.transforms())
    results = [transform(example, np.random.default_rng(seed)) for seed in (1, 1, *range(2, 20))]
    np.testing.assert_array_equal(results[0]["image"], results[1]["image"])
    np.testing.assert_array_equal(example["image"], before["image"])
    assert results[0]["truth"] == results[1]["truth"] and example["truth"] == before["truth"]
    assert results[0]["image"].dtype == np.uint8
    assert any(not np.array_equal(results[0]["image"], other["image"]) for other in results[2:])
    assert {r["truth"].size for r in results} == {augmentation.crop or (6, 8)}  # batches can be stacked
    assert {r["image"].shape[:2] for r in results} == {augmentation.crop or (6, 8)}


@pytest.mark.parametrize(
    ("augmentation", "digest"),
    [
        (Augmentation(flip=True), "52f99a618ae6bba3"),
        (Augmentation(vertical_flip=True), "eb026548c09a77b7"),
        (Augmentation(scale=(0.5, 2.0)), "963abcc5488edecb"),
        (Augmentation(rotate=40.0), "0823f6f1b773389c"),
        (Augmentation(crop=(25, 70)), "78c094383c696988"),
        (Augmentation(scale=(0.5, 2.0), crop=(31, 29)), "6d0a3ace1786f230"),
        (Augmentation("light"), "2dd09c1dbeb89081"),
        (Augmentation("strong", vertical_flip=True), "6ee9f9f33fec55f9"),
    ],
)
def test_the_same_seed_augments_as_it_did_when_runs_were_recorded(augmentation, digest):
    """Of 60 examples: labels, the generator's place in its stream, and images where they are moved in whole numbers."""
    total = blake2b(digest_size=8)
    for index in range(60):
        rng = np.random.default_rng([5, index])
        label = rng.integers(0, 5, (41, 53)).astype(np.uint8)
        label[rng.random(label.shape) < 0.1] = VOID
        image = rng.integers(0, 256, (41, 53, 3)).astype(np.uint8)
        moved = compose(augmentation.transforms())({"image": image, "truth": LabelMap(label)}, rng)
        total.update(repr(moved["truth"].ids.shape).encode())
        total.update(moved["truth"].ids.tobytes())
        if not augmentation.rotate and augmentation.augment is None:
            total.update(moved["image"].tobytes())
        total.update(rng.bytes(8))
    assert total.hexdigest() == digest


@pytest.mark.parametrize("arguments", [{"scale": (2.0, 1.0)}, {"scale": (0.0, 1.0)}, {"crop": (0, 4)}, {"color": 1.5},
                                       {"rotate": 200.0}, {"blur": -1.0}, {"noise": float("nan")}])  # fmt: skip
def test_impossible_values_are_named(arguments):
    ((name, _),) = arguments.items()
    with pytest.raises(UsageError, match=f"{name} is"):
        Augmentation(**arguments)
