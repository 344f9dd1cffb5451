"""LFW Part Labels (Kae et al. 2013): 2,927 faces of Labeled Faces in the Wild with background, hair and face."""

from kseg.datasets.lfw.records import LFW

__all__ = ["LFW"]
