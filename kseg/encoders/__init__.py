"""Encoders pretrained on ImageNet: features by stride, preprocessing inside, weights loaded with a report."""

from kseg.encoders.alexnet import AlexNet
from kseg.encoders.base import ENCODERS, Encoder, encoder_layers, encoder_named, encoder_of, needs_padding
from kseg.encoders.transplant import TransplantReport, imagenet_problem, load_encoder_weights, transplant
from kseg.encoders.weights_file import read_weights

__all__ = [
    "ENCODERS",
    "AlexNet",
    "Encoder",
    "TransplantReport",
    "encoder_layers",
    "encoder_named",
    "encoder_of",
    "imagenet_problem",
    "load_encoder_weights",
    "needs_padding",
    "read_weights",
    "transplant",
]
