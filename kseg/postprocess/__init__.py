"""What is done to probabilities behind the network: dense CRF, several scales, tiles; functions of arrays."""

from kseg.postprocess.crf import CRF_PARAMETERS, CrfParameters, Refiner, crf_parameters, crf_refiner, dense_crf

__all__ = ["CRF_PARAMETERS", "CrfParameters", "Refiner", "crf_parameters", "crf_refiner", "dense_crf"]
