"""Counting weights: of networks at full size that are never allocated, by layer of the head."""

import itertools

import keras

from kseg.encoders import encoder_of
from kseg.models import build

VGG16_CHANNELS = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
VGG16 = sum(9 * a * b + b for a, b in itertools.pairwise(VGG16_CHANNELS))
BLOCK5 = 3 * (9 * 512 * 512 + 512)
RESNET50 = 23_587_712  # keras.applications.ResNet50(include_top=False)
MOBILENETV2 = 2_257_984  # keras.applications.MobileNetV2(include_top=False)


def unallocated(name, **options):
    """The network at its full size, with variables that have a shape and no value: FCResNet would take 1.7 GB."""
    with keras.StatelessScope(initialize_variables=False):
        return build(name, input_shape=(224, 224, 3), **options)


def head(model):
    return {layer.name: layer for layer in model.layers if layer.weights and encoder_of(layer) is None}


def counts(model):
    return {name: layer.count_params() for name, layer in head(model).items()}


def trainable(model):
    return sum(layer.count_params() for layer in model.layers if layer.trainable)
