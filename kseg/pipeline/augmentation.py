"""Random augmentation of training images: one option per transform, and two named sets."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, Literal

from kseg.errors import UsageError
from kseg.pipeline.elastic import elastic
from kseg.pipeline.transforms import (
    Transform,
    blur,
    color,
    crop,
    flip,
    noise,
    rotate,
    scale_and_crop,
    vertical_flip,
)
from kseg.ranges import SHARE, Range, check_ranges

SETS: dict[str, dict[str, Any]] = {
    "none": {},
    "light": {"flip": True, "scale": (0.8, 1.25), "rotate": 10.0, "color": 0.2},
    "strong": {"flip": True, "scale": (0.5, 2.0), "rotate": 30.0, "color": 0.4, "blur": 1.0, "noise": 8.0},
}
"""What `--augment` switches on. No set turns pictures upside down, since photographs and documents have an up."""

OFF: dict[str, Any] = {
    "flip": False, "vertical_flip": False, "scale": (1.0, 1.0), "rotate": 0.0, "color": 0.0, "blur": 0.0, "noise": 0.0,
}  # fmt: skip
"""What an option that nobody chose means; `elastic` and `crop` stay None."""


@dataclass(frozen=True)
class Augmentation:
    """Random augmentation of training images; off by default, as in the papers that use none.

    An option at None is open: a set, a model's preset or `--preset auto` may choose it. A given one stays, `False` too.
    """

    augment: Literal["none", "light", "strong"] | None = None
    """a set of random changes: light (flip, scale 0.8 1.25, rotate 10, color 0.2) or strong (flip, scale 0.5 2, rotate
    30, color 0.4, blur 1, noise 8); the options below override it. none: only the options below, even under --preset
    auto"""
    flip: bool | None = None
    """mirror half of the images left to right"""
    vertical_flip: bool | None = None
    """turn half of the images upside down, for pictures without an up, as of microscopes or from above"""
    scale: Annotated[tuple[float, float] | None, Range(above=0, most=100)] = None
    """resize by a random factor between these two"""
    rotate: Annotated[float | None, Range(least=0, most=180)] = None
    """rotate by a random angle of up to this many degrees either way; pixels from outside the image are void"""
    elastic: Annotated[float | None, Range(least=0, most=1000)] = None
    """bend by random displacements of this standard deviation, in pixels at training size, on a 3 × 3 grid with bicubic
    interpolation; U-Net's paper has 10 (unset: the model's own, else 0)"""
    crop: Annotated[tuple[int, int] | None, Range(least=1, most=16_384)] = None
    """cut out a random window of this height and width, after resizing to --image-size if given; smaller images are
    padded with void (unset: whole images)"""
    color: Annotated[float | None, SHARE] = None
    """strength, 0..1, of random brightness, contrast and saturation"""
    blur: Annotated[float | None, Range(least=0, most=100)] = None
    """blur by a random Gaussian of up to this standard deviation, in pixels at training size"""
    noise: Annotated[float | None, Range(least=0, most=255)] = None
    """add random Gaussian noise of up to this standard deviation, in gray levels of 255"""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.scale is not None and self.scale[0] > self.scale[1]:
            low, high = self.scale
            raise UsageError(f"--scale is {low:g} {high:g}; the smaller factor comes first")

    def expanded(self, preset: Mapping[str, Any] = MappingProxyType({})) -> "Augmentation":
        """The open options filled in: by the set `augment`, or by `preset` where no set was named, and else off."""
        values = {**OFF, **(preset if self.augment is None else SETS[self.augment])}
        is_open = {field.name for field in fields(self) if getattr(self, field.name) is None}
        return replace(self, **{name: value for name, value in values.items() if name in is_open})

    @property
    def active(self) -> bool:
        return bool(self.transforms())

    @property
    def cacheable(self) -> bool:
        """Whether an image has at most two forms, itself and its mirror image, so that both can be cached."""
        on = self.expanded()
        return replace(on, flip=False, augment=None, elastic=on.elastic or None) == Augmentation().expanded()

    def transforms(self) -> tuple[Transform, ...]:
        """The active transforms, in order: elastic, rotate, scale, crop, flips, color, blur, noise."""
        on = self.expanded()
        chosen: list[Transform] = []
        if on.elastic:
            chosen.append(partial(elastic, sigma=on.elastic))
        if on.rotate:
            chosen.append(partial(rotate, degrees=on.rotate))
        if on.scale is not None and on.scale != (1.0, 1.0):
            chosen.append(partial(scale_and_crop, factors=on.scale, size=on.crop))
        elif on.crop is not None:
            chosen.append(partial(crop, size=on.crop))
        if on.flip:
            chosen.append(flip)
        if on.vertical_flip:
            chosen.append(vertical_flip)
        if on.color:
            chosen.append(partial(color, strength=on.color))
        if on.blur:
            chosen.append(partial(blur, sigma=on.blur))
        if on.noise:
            chosen.append(partial(noise, sigma=on.noise))
        return tuple(chosen)
