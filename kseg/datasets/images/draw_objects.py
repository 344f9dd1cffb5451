"""Drawing objects, each in its own color, so that neighbors of one class can be distinguished."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kseg.datasets.images.draw import VOID_COLOR, Palette, contrasting_palette, overlay, tinted
from kseg.structures import Instances, LabelMap, Panoptic, Structure

LIGHT = 382
"""Letters are dark on colors whose R + G + B (at most 765) is above this."""


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


def overlay_instances(
    image: np.ndarray,
    instances: Instances,
    alpha: float = 0.5,
    *,
    classes: Sequence[str] | None = None,
    boxes: bool = True,
) -> np.ndarray:
    """The image with each object tinted, outlined and in its box; crowds are pale and have no box.

    Args:
      classes: names of the classes, written at each box with the score of a detection; None: no text. A box that is too
        narrow shows only the score, or nothing, since texts would hide small objects.
      boxes: whether boxes and texts are drawn.
    """
    colors = np.array(contrasting_palette(len(instances) + 1), np.uint8)
    colors[1:][instances.crowd] = VOID_COLOR
    ids = instances.id_map()
    painted = tinted(image, ids, colors, ids > 0, alpha)
    if not boxes:
        return painted
    rising_score = np.arange(len(instances))
    if instances.scores is not None:
        rising_score = np.argsort(instances.scores, kind="stable")
    framed = [int(index) for index in rising_score if not instances.crowd[index]]
    for index in framed:
        _frame(painted, instances.boxes[index], colors[index + 1])
    if classes is None:
        return painted
    texts: dict[int, Sequence[str]] = {index: [classes[instances.classes[index]]] for index in framed}
    if instances.scores is not None:
        scores = {index: f"{instances.scores[index]:.2f}" for index in framed}
        texts = {index: [f"{name} {scores[index]}", scores[index]] for index, (name,) in texts.items()}
    return _labeled(painted, {index: (instances.boxes[index], colors[index + 1], texts[index]) for index in framed})


def overlay_panoptic(
    image: np.ndarray, panoptic: Panoptic, palette: Palette, alpha: float = 0.5, *, background: bool = True
) -> np.ndarray:
    """The image with stuff in the color of its class, each thing in its own color, and crowds and void pale."""
    colors_of_things = iter(contrasting_palette(sum(segment.thing for segment in panoptic.segments) + 1)[1:])
    colors: list[Sequence[int]] = [VOID_COLOR]
    painted = [True]
    for segment in panoptic.segments:
        color = next(colors_of_things) if segment.thing else palette[segment.class_id]
        colors.append(VOID_COLOR if segment.crowd else color)
        painted.append(segment.thing or segment.class_id > 0 or not background)
    return tinted(image, panoptic.ids, np.array(colors, np.uint8), np.array(painted)[panoptic.ids], alpha)


def _frame(image: np.ndarray, box: np.ndarray, color: np.ndarray) -> None:
    """Draws the outline of a box, y1, x1, y2, x2, into the image; at least one pixel."""
    height, width = image.shape[:2]
    top, left = (int(min(np.floor(value), limit - 1)) for value, limit in zip(box[:2], (height, width), strict=True))
    bottom, right = max(top, int(np.ceil(box[2])) - 1), max(left, int(np.ceil(box[3])) - 1)
    image[[top, bottom], left : right + 1] = color
    image[top : bottom + 1, [left, right]] = color


def _labeled(image: np.ndarray, labels: dict[int, tuple[np.ndarray, np.ndarray, Sequence[str]]]) -> np.ndarray:
    """Writes the first text that fits at the upper left corner of each box, on the box's color."""
    picture = Image.fromarray(image)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(max(10, min(image.shape[:2]) // 32))
    for box, color, given in labels.values():
        texts = [" ".join(text.split()) for text in given]  # a name may have lines, which nothing measures
        text = next((text for text in texts if pen.textlength(text, font=font) <= box[3] - box[1]), None)
        if text is None:
            continue
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        x = max(0.0, min(float(box[1]) + 1, image.shape[1] - right))
        y = max(0.0, min(float(box[0]), image.shape[0] - bottom))
        pen.rectangle((x + left, y + top, x + right, y + bottom), fill=tuple(color.tolist()))
        light = int(color.sum()) > LIGHT
        pen.text((x, y), text, fill=(0, 0, 0) if light else (255, 255, 255), font=font)
    return np.asarray(picture)
