"""CamVid: 701 road scenes; 11 classes as in SegNet, or the 32 of the original labels mapped to them."""

from kseg.datasets.camvid.records import CamVid

__all__ = ["CamVid"]
