"""A user's own folder: images and masks paired by file name, optionally with split lists."""

from kseg.datasets.folder.records import Folder

__all__ = ["Folder"]
