"""Builds networks on the backend of this process, fits one, and writes what they answer.

python model_worker.py IMAGES.npz ANSWERS.npz
"""

import sys

import keras
import numpy as np
import tiny_network
from narrow import light

from kseg.models import build

NETWORKS = {  # JAX takes 20 s to compile MobileNetV2
    "jax": ("unet", "fcn32s_alexnet", "segnet_basic", "deeplabv3plus", "unet2015", "pspnet"),
    "torch": (
        "unet",
        "unet_mobilenetv2",
        "fcn32s_alexnet",
        "fcn8s",
        "segnet_basic",
        "deeplabv3plus",
        "unet2015",
        "pspnet",
    ),
}


def set_numbers(model, seed=0):
    """The same pseudo-random weights on every backend: small, and positive where a variance could be meant."""
    rng = np.random.default_rng(seed)
    model.set_weights([np.abs(0.05 * rng.normal(size=w.shape)) + (w.ndim == 1) for w in model.get_weights()])


def answer(name, images):
    model = light(name, activation=None)
    set_numbers(model)
    return keras.ops.convert_to_numpy(model.predict(images, verbose=0))


def main(source, target):
    keras.utils.set_random_seed(0)
    images = np.load(source)["images"]
    backend = keras.backend.backend()
    answers = {name: answer(name, images) for name in NETWORKS[backend]}
    with tiny_network.registered():
        network = build(tiny_network.NAME, input_shape=images.shape[1:], activation=None)
    network.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    truth = (images[..., :1] > 127).astype("float32")
    losses = network.fit(images, truth, batch_size=len(images), epochs=2, verbose=0).history["loss"]
    np.savez(target, backend=backend, losses=losses, **answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
