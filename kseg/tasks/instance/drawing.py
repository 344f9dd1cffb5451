"""Objects painted on a picture: masks in their class's color, outlines and, of detections, boxes with scores."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kseg.structures import Instances
from kseg.tasks.base import Palette

ALPHA = 0.45
"""Weight of a class's color where an object lies."""


def drawn(image: np.ndarray, objects: Instances, palette: Palette) -> np.ndarray:
    """uint8 (H, W, 3). The last of several objects in a pixel is seen; crowds are outlined alone.

    Boxes and texts are drawn of detections: of a truth they would say what the masks say already.
    """
    colors = np.asarray(palette, np.float32).reshape(-1, 3)
    painted = image.astype(np.float32)
    for cut, label, crowd in zip(objects.masks.cuts, objects.classes, objects.crowd, strict=True):
        window = painted[cut.window]
        if not crowd:
            window[cut.inside] += ALPHA * (colors[label] - window[cut.inside])
        window[cut.inside & outline(cut.inside)] = colors[label]
    shown = np.clip(np.rint(painted), 0, 255).astype(np.uint8)
    return shown if objects.scores is None else _labeled(shown, objects, palette)


def outline(inside: np.ndarray) -> np.ndarray:
    """bool (h, w): pixels of a mask with a neighbor, above, below or beside, that is not of it; all beyond is not."""
    padded = np.pad(inside, 1)
    whole = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~whole


def _labeled(image: np.ndarray, objects: Instances, palette: Palette) -> np.ndarray:
    """Each box, with the id of its class and its score at the upper left corner; the surest on top."""
    assert objects.scores is not None
    picture = Image.fromarray(image)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(max(10, min(image.shape[:2]) // 32))
    for index in np.argsort(objects.scores, kind="stable"):
        top, left, bottom, right = (float(side) for side in objects.boxes[index])
        color = tuple(int(value) for value in palette[objects.classes[index]])
        pen.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=color)
        text = f"{objects.classes[index]}: {objects.scores[index]:.2f}"
        frame = pen.textbbox((left + 1, top), text, font=font)
        pen.rectangle(frame, fill=color)
        light = sum(color) > 382  # of 765: dark letters on a light color
        pen.text((left + 1, top), text, fill=(0, 0, 0) if light else (255, 255, 255), font=font)
    return np.asarray(picture)
