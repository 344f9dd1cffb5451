"""Procedural portraits, drawn on the fly: no files, no download, the same classes as the face data sets."""

from kseg.datasets.synthetic.records import Synthetic

__all__ = ["Synthetic"]
