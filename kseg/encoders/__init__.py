"""Networks that once learned ImageNet: features by stride, preprocessing inside, weights loaded with a report."""

from kseg.encoders.alexnet import AlexNet
from kseg.encoders.base import ENCODERS, Encoder, encoder_layers, needs_padding
from kseg.encoders.mobilenetv2 import MobileNetV2
from kseg.encoders.resnet50 import ResNet50
from kseg.encoders.resnet101 import ResNet101
from kseg.encoders.transplant import TransplantReport, load_encoder_weights, transplant
from kseg.encoders.vgg16 import VGG16
from kseg.encoders.weights_file import read_weights

__all__ = [
    "ENCODERS",
    "VGG16",
    "AlexNet",
    "Encoder",
    "MobileNetV2",
    "ResNet50",
    "ResNet101",
    "TransplantReport",
    "encoder_layers",
    "load_encoder_weights",
    "needs_padding",
    "read_weights",
    "transplant",
]
