"""Cityscapes: street scenes of 50 cities, 19 classes, eight of them objects."""

from kseg.datasets.cityscapes.records import Cityscapes

__all__ = ["Cityscapes"]
