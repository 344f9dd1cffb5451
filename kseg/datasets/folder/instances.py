"""The objects of an image in a user's folder: one per number, per mask file, or per connected area."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

from kseg.conventions import VOID
from kseg.datasets.folder.coding import BinaryCoding
from kseg.datasets.folder.mask_file import read_mask
from kseg.structures import Instances
from kseg.structures.masks import Cut, Masks
from kseg.structures.moves import Size

FOREGROUND = 1


def numbered_objects(path: Path, coding: BinaryCoding) -> Instances:
    """One object per number or color of the mask; numbers may have gaps, and 0, black and void are no objects."""
    mask = read_mask(path)
    values = mask.values if mask.values.ndim == 2 else (mask.colors * np.array([1 << 16, 1 << 8, 1])).sum(axis=-1)
    if mask.alpha is not None:
        values = np.where(mask.alpha < 128, 0, values)
    held, places = np.unique(values, return_inverse=True)
    objects = ~np.isin(held, (0, *coding.void))
    number_of = np.where(objects, np.cumsum(objects), 0).astype(np.int32)
    ids = number_of[places.reshape(values.shape)]
    return Instances.from_id_map(ids, [FOREGROUND] * int(objects.sum()))


def joined(parts: Sequence[Instances], size: Size) -> Instances:
    """The objects of several mask files of one image, which may overlap."""
    cuts = tuple(cut for part in parts for cut in part.masks.cuts)
    return Instances.of(Masks(size, cuts), np.concatenate([part.classes for part in parts]))


def objects_of_files(labels: Sequence[np.ndarray], size: Size) -> Instances:
    """One object per file and class, from one uint8 (H, W) per file; objects may overlap."""
    cuts = [
        (class_id, Cut.of(one == class_id))
        for one in labels
        for class_id in np.unique(one).tolist()
        if class_id not in (0, VOID)
    ]
    return Instances.of(Masks(size, tuple(cut for _, cut in cuts)), [class_id for class_id, _ in cuts])


def connected_areas(labels: np.ndarray) -> Instances:
    """One object per connected area of a class in uint8 (H, W); pixels that touch at a corner are connected."""
    ids = np.zeros(labels.shape, np.int32)
    classes: list[int] = []
    for class_id in np.unique(labels).tolist():
        if class_id in (0, VOID):
            continue
        areas, count = ndimage.label(labels == class_id, structure=np.ones((3, 3)))
        ids[areas > 0] = areas[areas > 0] + len(classes)
        classes += [class_id] * count
    return Instances.from_id_map(ids, classes)
