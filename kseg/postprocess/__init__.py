"""What is done behind the network: dense CRF, tiles, fusion of objects and classes; functions of arrays."""

from kseg.postprocess.crf import CRF_PARAMETERS, CrfParameters, Refiner, crf_parameters, crf_refiner, dense_crf
from kseg.postprocess.fusion import FusionOptions, fuse
from kseg.postprocess.tiles import Tiling, blended

__all__ = [
    "CRF_PARAMETERS",
    "CrfParameters",
    "FusionOptions",
    "Refiner",
    "Tiling",
    "blended",
    "crf_parameters",
    "crf_refiner",
    "dense_crf",
    "fuse",
]
