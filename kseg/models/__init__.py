"""Architectures, one file per family: a function each, with the layer names of its paper."""

from kseg.models.build import MODELS, Architecture, architecture, build, model_names
from kseg.models.transfer import start_from, transfer_weights

__all__ = ["MODELS", "Architecture", "architecture", "build", "model_names", "start_from", "transfer_weights"]
