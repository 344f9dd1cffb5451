"""COCO's objects: 80 categories, or whatever a file in its format names; polygons, run lengths and crowds."""

from kseg.datasets.coco.records import COCO

__all__ = ["COCO"]
