"""Postprocessing of a network's outputs, by functions of arrays: dense CRF, tiles."""

from kseg.postprocess.crf import CRF_PARAMETERS, CrfParameters, Refiner, crf_parameters, crf_refiner, dense_crf
from kseg.postprocess.tiles import Tiling, blended

__all__ = [
    "CRF_PARAMETERS",
    "CrfParameters",
    "Refiner",
    "Tiling",
    "blended",
    "crf_parameters",
    "crf_refiner",
    "dense_crf",
]
