"""Keras layers that Keras lacks: exact upsampling and unpooling, any input size, one resize, preprocessing, LRN."""

from kseg.layers.adaptive_pooling import AdaptiveAveragePooling2D
from kseg.layers.aligned_upsample import AlignedUpsample
from kseg.layers.atrous_pooling import AtrousPooling2D
from kseg.layers.grouped_conv import GroupedConv2D
from kseg.layers.large_kernel import LargeKernelConv2D
from kseg.layers.local_response import LocalResponseNorm
from kseg.layers.max_unpool import MaxPoolWithIndices, MaxUnpool
from kseg.layers.pixels import Bilinear, PixelShuffle, SubpixelUpsample, pixel_shuffle
from kseg.layers.preprocess import Preprocess
from kseg.layers.rescale import Rescale, rescaled_side
from kseg.layers.resize import BilinearUpsample, ResizeLike, resize
from kseg.layers.sizes import CropLike, PadToMultiple, padded_size

__all__ = [
    "AdaptiveAveragePooling2D",
    "AlignedUpsample",
    "AtrousPooling2D",
    "Bilinear",
    "BilinearUpsample",
    "CropLike",
    "GroupedConv2D",
    "LargeKernelConv2D",
    "LocalResponseNorm",
    "MaxPoolWithIndices",
    "MaxUnpool",
    "PadToMultiple",
    "PixelShuffle",
    "Preprocess",
    "Rescale",
    "ResizeLike",
    "SubpixelUpsample",
    "padded_size",
    "pixel_shuffle",
    "rescaled_side",
    "resize",
]
