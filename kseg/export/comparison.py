"""Whether an export gives what the Keras model gives: both over the same images, and what rounding explains."""

from typing import TYPE_CHECKING

import keras
import numpy as np

from kseg.conventions import DEFAULT_TASK
from kseg.datasets.images import resize_image, resize_probabilities
from kseg.errors import Failure
from kseg.export.formats import Predict
from kseg.inference.predict import forward, rounded_size
from kseg.tasks import TASKS, Task

if TYPE_CHECKING:
    from kseg.export.serving import NetworkSize

Size = tuple[int | None, int | None]
"""Height and width, None for any."""

USUAL_SIZE = 224
"""Pixels a side at which a model of any size is checked when nobody knows what it was trained at."""

LEAST_TOLERANCE = 1e-5
ROUNDING_FACTOR = 10
MOST_TOLERANCE = 1e-3
"""An export passes if it differs from the Keras model by no more than `ROUNDING_FACTOR` times what the Keras model
itself differs from its float64 twin, which is what float32 costs in this very network, deep or shallow. Kernels that
add up in another order differ by that much; a wrong padding or alignment of a resize differs by 1e-2 and more."""
POSITION_ROUNDING = 2.0**-22
"""Error of a resize inside the graph, per pixel of the longer side: runtimes compute positions in float32."""


def compared(
    model: keras.Model,
    predict: Predict,
    shapes: list[tuple[int, int, int]],
    inside: "NetworkSize",
    task: Task = TASKS[DEFAULT_TASK],
) -> tuple[float, float]:
    """The largest difference between `predict` and `model` over random images (N, H, W), and what rounding explains.

    `model` is run as `kseg predict` runs it: at the network's size where the export resizes `inside`, else as it is.
    """
    from kseg.export.serving import in_float64

    run = forward(model)
    if isinstance(model.output, dict):
        apart = [_answers_apart(run, predict, shape, inside, task) for shape in shapes]
        return max(apart, key=_nan_first), MOST_TOLERANCE
    expect, exactly = (as_predicted(one, inside) for one in (run, _untraced(in_float64(model))))
    difference = rounding = 0.0
    for images in map(random_images, shapes):
        expected, got = expect(images), predict(images)
        if got.shape != expected.shape or got.dtype != np.float32:
            raise Failure(f"the export gives {got.dtype} {got.shape}, the Keras model float32 {expected.shape}")
        difference = max(difference, float(np.max(np.abs(got - expected))), key=_nan_first)
        rounding = max(rounding, float(np.max(np.abs(expected - exactly(images)))), key=_nan_first)
    least = LEAST_TOLERANCE
    if inside is not None:
        least += POSITION_ROUNDING * max(USUAL_SIZE, *(side for shape in shapes for side in shape[1:]))
    return difference, float(np.clip(ROUNDING_FACTOR * rounding, least, MOST_TOLERANCE))


def _answers_apart(
    run: Predict, predict: Predict, shape: tuple[int, int, int], inside: "NetworkSize", task: Task
) -> float:
    """The largest difference between outputs that are given by name, over a batch of images.

    No float64 twin measures the rounding here: one detection of another rank would change all that follow.
    """
    images = random_images(shape)
    size = images.shape[1:3]
    fed = size if inside is None else rounded_size(size) if inside == "multiple" else inside
    expected = task.of_each_image(run(np.stack([resize_image(image, fed) for image in images])))
    got = task.of_each_image(predict(images))
    return max(task.difference(task.resized(one, size), other) for one, other in zip(expected, got, strict=True))


def _nan_first(value: float) -> float:
    return np.inf if np.isnan(value) else value


def _untraced(model: keras.Model) -> Predict:
    """The model as a function of arrays that makes no graph: of two batches a graph takes longer than the model."""

    def run(images: np.ndarray) -> np.ndarray:
        batch = keras.ops.convert_to_tensor(images, model.inputs[0].dtype)
        return np.asarray(model(batch, training=False), np.float32)

    return run


def as_predicted(run: Predict, inside: "NetworkSize") -> Predict:
    """`run` as `kseg predict` runs a network: for a batch of images of one size, giving probabilities of that size."""
    if inside is None:
        return run
    size = None if inside == "multiple" else inside

    def predict(images: np.ndarray) -> np.ndarray:
        fed = size or rounded_size(images.shape[1:3])
        probabilities = run(np.stack([resize_image(image, fed) for image in images]))
        return np.stack([resize_probabilities(one, images.shape[1:3]) for one in np.clip(probabilities, 0, 1)])

    return predict


def random_images(shape: tuple[int, int, int]) -> np.ndarray:
    """uint8 (N, H, W, 3), the same every time."""
    rng = np.random.default_rng(0)
    count, height, width = shape
    # Blotches under the noise: on noise alone a trained model may be certain everywhere, and the check blind.
    blotches = rng.uniform(0, 255, (count, height // 16 + 1, width // 16 + 1, 3)).repeat(16, 1).repeat(16, 2)
    noise = rng.normal(0, 30, (count, height, width, 3))
    return np.clip(blotches[:, :height, :width] + noise, 0, 255).astype(np.uint8)


def check_shapes(size: Size, usual: tuple[int, int], *, batches: bool = True) -> list[tuple[int, int, int]]:
    """(N, H, W) to compare at: the usual size, and where height or width may vary, a batch of another, odd one."""
    if None not in size:
        return [(1, *usual)]
    height, width = usual
    count = 2 if batches else 1
    return [(1, height, width), (count, size[0] or height * 3 // 4 | 1, size[1] or width + 7)]
