"""PASCAL VOC segmentation, 2010 to 2012, and with the masks of SBD: 20 categories and background."""

from kseg.datasets.voc.records import VOC

__all__ = ["VOC"]
