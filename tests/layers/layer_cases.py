"""Every layer of kseg with inputs, for what holds of all of them; run as a program it writes their outputs.

python layer_cases.py OUTPUTS.npz
"""

import sys

import keras
import numpy as np
from keras import ops

from kseg.layers import (
    AdaptiveAveragePooling2D,
    AlignedUpsample,
    AtrousPooling2D,
    AuxiliaryScores,
    BilinearUpsample,
    Chance,
    ClassOfLabel,
    CropLike,
    Detections,
    FoldObjects,
    GroupedConv2D,
    ImageSize,
    LargeKernelConv2D,
    LocalResponseNorm,
    MaskOfClass,
    MaxPoolWithIndices,
    MaxUnpool,
    MirrorBorder,
    PadToMultiple,
    PerImage,
    PixelShuffle,
    Preprocess,
    Proposals,
    PyramidAnchors,
    Rescale,
    ResizeLike,
    RoIAlign,
    SubpixelUpsample,
    UnfoldObjects,
)

KERNEL = np.random.default_rng(1).normal(size=(6, 6, 2, 4)).astype("float32")

# name: (layer, shapes of its inputs)
CASES = {
    "pad": (lambda **k: PadToMultiple(4, **k), [(2, 5, 7, 4)]),
    "pad_to_odd": (lambda **k: PadToMultiple(4, 1, **k), [(2, 5, 7, 4)]),
    "mirror": (lambda **k: MirrorBorder(9, 4, 1, **k), [(2, 5, 7, 4)]),
    "crop": (lambda **k: CropLike(**k), [(2, 5, 7, 4), (2, 3, 6, 1)]),
    "resize": (lambda **k: ResizeLike(**k), [(2, 5, 7, 4), (2, 8, 6, 1)]),
    "resize_nearest": (lambda **k: ResizeLike("nearest", **k), [(2, 5, 7, 4), (2, 8, 6, 1)]),
    "shuffle": (lambda **k: PixelShuffle(2, **k), [(2, 5, 7, 4)]),
    "upsample": (
        lambda **k: SubpixelUpsample(
            3, 2, kernel_initializer=keras.initializers.Constant(0.1), kernel_regularizer="l2", **k
        ),
        [(2, 5, 7, 4)],
    ),
    "upsample_bilinear": (lambda **k: SubpixelUpsample(2, use_bias=False, **k), [(2, 5, 7, 4)]),
    "large_kernel": (
        lambda **k: LargeKernelConv2D(4, 5, kernel_initializer=keras.initializers.Constant(0.01), **k),
        [(2, 5, 7, 4)],
    ),
    "grouped": (lambda **k: GroupedConv2D(6, 3, groups=2, kernel_initializer="ones", **k), [(2, 5, 7, 4)]),
    "local_response": (lambda **k: LocalResponseNorm(3, **k), [(2, 5, 7, 4)]),
    "aligned": (lambda **k: AlignedUpsample(3, **k), [(2, 5, 7, 4)]),
    "bilinear": (lambda **k: BilinearUpsample(3, **k), [(2, 5, 7, 4)]),
    "rescale": (lambda **k: Rescale(0.7, **k), [(2, 5, 7, 4)]),
    "rescale_aligned": (lambda **k: Rescale(0.5, aligned=True, **k), [(2, 5, 7, 4)]),
    "rescale_like": (lambda **k: Rescale(1.5, **k), [(2, 5, 7, 4), (2, 8, 10, 1)]),
    "rescale_stretched": (lambda **k: Rescale(**k), [(2, 5, 7, 4), (2, 8, 6, 1)]),
    "atrous_max": (lambda **k: AtrousPooling2D(3, 2, **k), [(2, 5, 7, 4)]),
    "atrous_average": (lambda **k: AtrousPooling2D(2, 2, "average", **k), [(2, 5, 7, 4)]),
    "adaptive": (lambda **k: AdaptiveAveragePooling2D(3, **k), [(2, 5, 7, 4)]),
    "pool_with_indices": (lambda **k: MaxPoolWithIndices(**k), [(2, 5, 7, 4)]),
    "auxiliary": (lambda **k: AuxiliaryScores(0.4, **k), [(2, 5, 7, 4), (2, 5, 7, 4)]),
    "unpool": (lambda **k: MaxUnpool(**k), [(2, 5, 7, 4), (2, 5, 7, 4)]),
    "roi_align": (lambda **k: RoIAlign(3, (4, 8), canonical=100.0, **k), [(2, 6, 4), (2, 12, 9, 4), (2, 6, 5, 4)]),
    "roi_align_gathered": (lambda **k: RoIAlign(2, (4,), sampling=1, **k), [(1, 3, 4), (1, 60, 50, 2)]),
    "anchors": (lambda **k: PyramidAnchors(8, **k), [(2, 4, 6, 3), (2, 2, 3, 3)]),
    "proposals": (
        lambda **k: Proposals(5, 4, **k),
        [(2, 90, 70, 3), (6, 4), (3, 4), (2, 6), (2, 3), (2, 6, 4), (2, 3, 4)],
    ),
    "detections": (lambda **k: Detections(4, **k), [(2, 90, 70, 3), (2, 5, 4), (2, 5, 3), (2, 5, 3, 4)]),
    "fold": (lambda **k: FoldObjects(**k), [(2, 3, 5, 7, 4)]),
    "unfold": (lambda **k: UnfoldObjects(**k), [(6, 5, 7, 4), (2, 3, 4)]),
    "mask_of_class": (lambda **k: MaskOfClass(**k), [(2, 3, 5, 7, 4), (2, 3), (2, 3)]),
    "class_of_label": (lambda **k: ClassOfLabel([7, 300, 11], **k), [(2, 3)]),
    "per_image": (lambda **k: PerImage([0.5, 4097.0], **k), [(2, 5, 7, 3)]),
    "chance": (lambda **k: Chance(2, seed=1, **k), [(2, 5, 4)]),
    "image_size": (lambda **k: ImageSize(**k), [(2, 5, 7, 3)]),
    "preprocess_caffe": (lambda **k: Preprocess("caffe", **k), [(2, 5, 7, 3)]),
    "preprocess_unit": (lambda **k: Preprocess("unit", **k), [(2, 5, 7, 3)]),
}

PLACES = {("unpool", 1), ("mask_of_class", 1), ("class_of_label", 0)}
"""inputs that are places in windows of 2 × 2, or class ids, not numbers"""

FLOAT32 = {"anchors", "proposals", "detections", "mask_of_class", "chance", "image_size", "per_image"}
"""whose outputs are float32 under every policy: boxes in half precision would be off by pixels"""

INT32 = {"class_of_label"}
"""whose outputs are class ids"""


def inputs(name):
    """One array, or a list of those that the layer takes together."""
    rng = np.random.default_rng(0)
    arrays = [
        rng.integers(0, 4, shape).astype("int32")
        if (name, place) in PLACES
        else rng.uniform(0, 255, shape).astype("float32")
        for place, shape in enumerate(CASES[name][1])
    ]
    return arrays[0] if len(arrays) == 1 else arrays


def tensors(arrays):
    return [ops.convert_to_tensor(a) for a in arrays] if isinstance(arrays, list) else ops.convert_to_tensor(arrays)


def outputs(name):
    """The arrays that the layer gives, most of them one."""
    layer = CASES[name][0]()
    x = tensors(inputs(name))
    layer(x)
    if name == "upsample":
        layer.set_weights([KERNEL, np.array([1.0, -1.0])])
    return [ops.convert_to_numpy(y) for y in keras.tree.flatten(layer(x))]


if __name__ == "__main__":
    arrays = {f"{name} {place}": array for name in CASES for place, array in enumerate(outputs(name))}
    np.savez(sys.argv[1], backend=keras.backend.backend(), **arrays)
