"""Objects made visible: each in a colour of its own, so that neighbors of one class are told apart."""

from collections.abc import Sequence

import numpy as np

from kseg.datasets.images.draw import VOID_COLOUR, Palette, contrasting_palette, overlay, tinted
from kseg.structures import Instances, LabelMap, Panoptic, Structure


def draw_structure(image: np.ndarray, structure: Structure, palette: Palette, *, background: bool = True) -> np.ndarray:
    """The image (H, W, 3) with a truth or a prediction of any task painted on it; uint8 (H, W, 3).

    `palette` has a color per class; `background` says whether class 0 stays unpainted.
    """
    if isinstance(structure, Instances):
        return overlay_instances(image, structure)
    if isinstance(structure, Panoptic):
        return overlay_panoptic(image, structure, palette, background=background)
    assert isinstance(structure, LabelMap)
    return overlay(image, structure.ids, palette, background=background)


def overlay_instances(image: np.ndarray, instances: Instances, alpha: float = 0.5) -> np.ndarray:
    """The image with each object tinted, outlined and in its box; crowds are pale and have no box."""
    colors = np.array(contrasting_palette(len(instances) + 1), np.uint8)
    colors[1:][instances.crowd] = VOID_COLOUR
    ids = instances.id_map()
    painted = tinted(image, ids, colors, ids > 0, alpha)
    for color, box in zip(colors[1:][~instances.crowd], instances.boxes[~instances.crowd], strict=True):
        _frame(painted, box, color)
    return painted


def overlay_panoptic(
    image: np.ndarray, panoptic: Panoptic, palette: Palette, alpha: float = 0.5, *, background: bool = True
) -> np.ndarray:
    """The image with stuff in the color of its class, each thing in its own, and crowds and void pale."""
    own = iter(contrasting_palette(sum(segment.thing for segment in panoptic.segments) + 1)[1:])
    colors: list[Sequence[int]] = [VOID_COLOUR]
    painted = [True]
    for segment in panoptic.segments:
        color = next(own) if segment.thing else palette[segment.class_id]
        colors.append(VOID_COLOUR if segment.crowd else color)
        painted.append(segment.thing or segment.class_id > 0 or not background)
    return tinted(image, panoptic.ids, np.array(colors, np.uint8), np.array(painted)[panoptic.ids], alpha)


def _frame(image: np.ndarray, box: np.ndarray, color: np.ndarray) -> None:
    """Draw a box, y1, x1, y2, x2, into the image; at least its outermost pixels."""
    height, width = image.shape[:2]
    top, left = (int(min(np.floor(value), limit - 1)) for value, limit in zip(box[:2], (height, width), strict=True))
    bottom, right = max(top, int(np.ceil(box[2])) - 1), max(left, int(np.ceil(box[3])) - 1)
    image[[top, bottom], left : right + 1] = color
    image[top : bottom + 1, [left, right]] = color
