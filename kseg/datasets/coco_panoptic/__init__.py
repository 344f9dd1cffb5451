"""COCO's panoptic annotations: 80 things and 53 kinds of stuff."""

from kseg.datasets.coco_panoptic.records import COCOPanoptic

__all__ = ["COCOPanoptic"]
