"""PASCAL-Context: VOC 2010 with every pixel labeled, 59 classes and background."""

from kseg.datasets.pascal_context.records import PascalContext

__all__ = ["PascalContext"]
