"""Mean-field inference as the papers write it, all pairs of pixels, in float64; imports nothing of kseg."""

import numpy as np


def brute_force_crf(image, probabilities, iterations, kernels):
    """`kernels`: (weight, position sigma, color sigma or None); O(N²) in time and memory."""
    height, width, classes = probabilities.shape
    pixels = [(y, x) for y in range(height) for x in range(width)]
    position = np.array(pixels, float)
    color = np.array([image[pixel] for pixel in pixels], float)
    message = np.zeros((len(pixels), len(pixels)))
    for weight, position_sigma, color_sigma in kernels:
        exponent = squared_distances(position) / (2 * position_sigma**2)
        if color_sigma is not None:
            exponent = exponent + squared_distances(color) / (2 * color_sigma**2)
        kernel = np.exp(-exponent)
        degree = kernel.sum(axis=1)
        message += weight * kernel / np.sqrt(degree[:, None] * degree[None, :])
    unary = -np.log(probabilities.reshape(-1, classes).astype(float))
    beliefs = softmax(-unary)
    for _ in range(iterations):
        beliefs = softmax(-unary + message @ beliefs)
    return beliefs.reshape(height, width, classes)


def squared_distances(points):
    return ((points[:, None] - points[None]) ** 2).sum(axis=-1)


def softmax(logits):
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
