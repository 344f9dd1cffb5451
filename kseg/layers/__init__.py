"""Layers that Keras lacks: exact upsampling and unpooling, any input size, one resize, boxes, RoIAlign, LRN."""

from kseg.layers.adaptive_pooling import AdaptiveAveragePooling2D
from kseg.layers.aligned_upsample import AlignedUpsample
from kseg.layers.anchors import PyramidAnchors, anchors
from kseg.layers.atrous_pooling import AtrousPooling2D
from kseg.layers.auxiliary import AuxiliaryScores
from kseg.layers.boxes import box_area, box_iou, clip_boxes, decode_boxes, encode_boxes
from kseg.layers.grouped_conv import GroupedConv2D
from kseg.layers.large_kernel import LargeKernelConv2D
from kseg.layers.local_response import LocalResponseNorm
from kseg.layers.matching import matched, sampled
from kseg.layers.max_unpool import MaxPoolWithIndices, MaxUnpool
from kseg.layers.mirror import MirrorBorder, mirrored_places
from kseg.layers.objects import Chance, ClassOfLabel, FoldObjects, ImageSize, MaskOfClass, UnfoldObjects
from kseg.layers.per_image import PerImage
from kseg.layers.pixels import Bilinear, PixelShuffle, SubpixelUpsample, pixel_shuffle
from kseg.layers.preprocess import Preprocess
from kseg.layers.proposals import Detections, Proposals
from kseg.layers.rescale import Rescale, rescaled_side
from kseg.layers.resize import BilinearUpsample, ResizeLike, resize
from kseg.layers.roi_align import RoIAlign, pyramid_level, roi_align, roi_pool
from kseg.layers.sizes import CropLike, PadToMultiple, padded_size
from kseg.layers.suppression import suppressed

__all__ = [
    "AdaptiveAveragePooling2D",
    "AlignedUpsample",
    "AtrousPooling2D",
    "AuxiliaryScores",
    "Bilinear",
    "BilinearUpsample",
    "Chance",
    "ClassOfLabel",
    "CropLike",
    "Detections",
    "FoldObjects",
    "GroupedConv2D",
    "ImageSize",
    "LargeKernelConv2D",
    "LocalResponseNorm",
    "MaskOfClass",
    "MaxPoolWithIndices",
    "MaxUnpool",
    "MirrorBorder",
    "PadToMultiple",
    "PerImage",
    "PixelShuffle",
    "Preprocess",
    "Proposals",
    "PyramidAnchors",
    "Rescale",
    "ResizeLike",
    "RoIAlign",
    "SubpixelUpsample",
    "UnfoldObjects",
    "anchors",
    "box_area",
    "box_iou",
    "clip_boxes",
    "decode_boxes",
    "encode_boxes",
    "matched",
    "mirrored_places",
    "padded_size",
    "pixel_shuffle",
    "rescaled_side",
    "pyramid_level",
    "resize",
    "roi_align",
    "roi_pool",
    "sampled",
    "suppressed",
]
