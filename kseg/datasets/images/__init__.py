"""Pixels in and out of files: decode images and masks, resize them, draw and save label maps."""

from kseg.datasets.images.decode import read_image, read_labels
from kseg.datasets.images.deep import ValueRange
from kseg.datasets.images.draw import contrasting_palette, overlay, save_image, save_labels
from kseg.datasets.images.formats import file_format, image_size
from kseg.datasets.images.resize import probability_strips, resize_image, resize_probabilities
from kseg.datasets.images.rows import Picture, read_by_rows
from kseg.datasets.images.streamed import Streamed
from kseg.structures.moves import resize_labels

__all__ = [
    "Picture",
    "Streamed",
    "ValueRange",
    "contrasting_palette",
    "file_format",
    "image_size",
    "overlay",
    "probability_strips",
    "read_by_rows",
    "read_image",
    "read_labels",
    "resize_image",
    "resize_labels",
    "resize_probabilities",
    "save_image",
    "save_labels",
]
