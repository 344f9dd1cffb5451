"""A person's own folder: `images/` and `masks/`, paired by file name, optionally with lists of splits."""

from kseg.datasets.folder.records import Folder

__all__ = ["Folder"]
