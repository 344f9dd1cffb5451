"""HELEN with the part labels of Smith et al. (CVPR 2013): 2,330 faces, eleven probability maps each."""

from kseg.datasets.helen.records import Helen

__all__ = ["Helen"]
