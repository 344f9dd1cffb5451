"""PASCAL-Context: VOC 2010 labeled throughout, 59 classes and what is none of them."""

from kseg.datasets.pascal_context.records import PascalContext

__all__ = ["PascalContext"]
