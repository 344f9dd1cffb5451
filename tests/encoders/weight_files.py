"""Small weights files in the layouts that kseg reads."""

import lzma

import h5py
import numpy as np

VGG16_CONVOLUTIONS = {  # layer: (input channels, filters)
    "block1_conv1": (3, 64), "block1_conv2": (64, 64),
    "block2_conv1": (64, 128), "block2_conv2": (128, 128),
    "block3_conv1": (128, 256), "block3_conv2": (256, 256), "block3_conv3": (256, 256),
    "block4_conv1": (256, 512), "block4_conv2": (512, 512), "block4_conv3": (512, 512),
    "block5_conv1": (512, 512), "block5_conv2": (512, 512), "block5_conv3": (512, 512),
}  # fmt: skip


def vgg16_weights(blocks=5):
    """{layer: {"kernel": …, "bias": …}}: numbers that no initializer makes, one value per layer."""
    return {
        layer: {
            "kernel": np.full((3, 3, *channels), 1e-3 * (place + 1), "float32"),
            "bias": np.full(channels[1], place + 1, "float32"),
        }
        for place, (layer, channels) in enumerate(VGG16_CONVOLUTIONS.items())
        if int(layer[5]) <= blocks
    }


def write_npz(path, weights):
    np.savez(path, **{f"{layer}/{name}": array for layer, of in weights.items() for name, array in of.items()})
    return path


def write_keras2(path, weights, *, inside=None):
    """The layout of Keras 2: `layer_names` and, in each layer, `weight_names`; in `model_weights` if a whole model."""
    with h5py.File(path, "w") as file:
        group = file.create_group(inside) if inside else file
        group.attrs["layer_names"] = [layer.encode() for layer in ("input_1", *weights)]
        group.create_group("input_1").attrs["weight_names"] = []
        for layer, of in weights.items():
            group.create_group(layer).attrs["weight_names"] = [f"{layer}/{name}:0".encode() for name in of]
            for name, array in of.items():
                group[layer][f"{layer}/{name}:0"] = array
    return path


def compressed(path):
    target = path.with_name(path.name + ".xz")
    target.write_bytes(lzma.compress(path.read_bytes(), preset=0))
    return target
