"""ISBI 2012: membranes of neurons in 30 slices of an electron microscope's stack."""

from kseg.datasets.isbi2012.records import ISBI2012

__all__ = ["ISBI2012"]
