"""Probabilities for images of any size: resize in, run the network, resize back."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal

import keras
import numpy as np

from kseg.datasets.images import resize_image, resize_probabilities
from kseg.errors import Failure, UsageError
from kseg.postprocess import Refiner

if TYPE_CHECKING:
    from kseg.inference.model_file import ModelCard

STRIDE = 32
"""Sizes are rounded to a multiple of the encoders' largest stride where no size is given."""

LARGEST_BATCH = 16 * 512 * 512
"""Pixels in a batch of more than one image: sixteen photographs as they are would not fit into memory."""

ImageSize = tuple[int, int] | Literal["original"] | None
"""Of the network's input: (height, width); "original": each image's own to the pixel; None: rounded to `STRIDE`."""

ORIGINAL: Literal["original"] = "original"

Forward = Callable[[np.ndarray], np.ndarray]


def predict_probabilities(
    model: keras.Model,
    images: Iterable[np.ndarray],
    image_size: ImageSize,
    batch_size: int = 16,
    *,
    original_size: bool = True,
    refine: Refiner | None = None,
) -> Iterator[np.ndarray]:
    """The model's probabilities for each image, in order, one batch of images in memory at a time.

    Args:
      model: (N, H, W, 3) in 0..255 to probabilities (N, H, W, C).
      images: uint8 (H, W, 3) RGB, each of its own size.
      image_size: (height, width) in pixels of the network's input; None: each image's own size, rounded to a multiple
        of 32 so that few different shapes reach the network; "original": its own size to the pixel, nothing is
        resized (kseg's models take any size). A model built for one size wants that size.
      batch_size: images per forward pass, fewer of large ones (`LARGEST_BATCH` pixels); a batch holds consecutive
        images of one network size.
      original_size: resize the probabilities back to each image's size (bilinear, half-pixel centres); False leaves
        them at the network's.
      refine: is given each image and its probabilities, both at the size of what is returned, and gives better ones.
    Returns:
      an iterator of float32 (H, W, C).
    Errors: no uint8 RGB, a size the model cannot take, and outputs outside [0, 1] (logits) are refused; nan fails.
    """
    if batch_size < 1:
        raise UsageError(f"the batch size is at least 1, received {batch_size}")
    fixed_size = network_size(model, image_size)
    own_size = _exactly if image_size == ORIGINAL else rounded_size
    run = forward(model)
    batch: list[np.ndarray] = []
    sizes: list[tuple[int, int]] = []
    shown: list[np.ndarray] = []  # to the refinement alone: large photographs are not kept for nothing
    for image in images:
        _check_image(image)
        size = fixed_size or own_size(image.shape[:2])
        resized = resize_image(image, size)
        full = len(batch) == batch_size or (len(batch) + 1) * resized[..., 0].size > LARGEST_BATCH
        if batch and (full or batch[0].shape != resized.shape):
            yield from _finished(run(np.stack(batch)), sizes, original_size, shown, refine)
            batch, sizes, shown = [], [], []
        batch.append(resized)
        sizes.append(image.shape[:2])
        if refine is not None:
            shown.append(image if original_size else resized)
    if batch:
        yield from _finished(run(np.stack(batch)), sizes, original_size, shown, refine)


def fed_size(
    card: "ModelCard", image_size: tuple[int, int] | None, input_size: Literal["trained", "original"] | None
) -> ImageSize:
    """What to feed, from the flags `--image-size` and `--input-size` or, where they are unset, as the run was measured.

    Raises `UsageError` where both are given and contradict each other.
    """
    if image_size is not None and input_size == ORIGINAL:
        raise UsageError(
            f"--input-size original and --image-size {image_size[0]} {image_size[1]} exclude each other; leave one out"
        )
    if image_size is not None:
        return image_size
    return ORIGINAL if (input_size or card.input_size) == ORIGINAL else card.image_size


def fed_in_words(model: keras.Model, image_size: ImageSize) -> str:
    """The size that reaches the network, for a person."""
    if image_size == ORIGINAL:
        return "each image as it is"
    size = network_size(model, image_size)
    return f"resized to {size[0]} × {size[1]} pixels (height × width)" if size else f"at a multiple of {STRIDE} pixels"


def network_size(model: keras.Model, image_size: ImageSize) -> tuple[int, int] | None:
    """The (height, width) to feed: the one asked for, or the only one that the model takes; None: each image's own."""
    built_for = tuple(model.inputs[0].shape[1:3])
    if image_size == ORIGINAL:
        if None in built_for:
            return None
        raise UsageError(
            f"the model takes images of {built_for[0]}×{built_for[1]} pixels only, not of their original sizes; "
            "leave the input size out"
        )
    if image_size is not None and min(image_size) < 1:
        raise UsageError(f"the image size is two positive numbers of pixels, received {image_size}")
    if None in built_for:
        return None if image_size is None else (int(image_size[0]), int(image_size[1]))
    if image_size is not None and tuple(image_size) != built_for:
        raise UsageError(
            f"the model takes images of {built_for[0]}×{built_for[1]} pixels only, "
            f"not {image_size[0]}×{image_size[1]}; leave the image size out"
        )
    return built_for


def forward(model: keras.Model) -> Forward:
    """The model as a function from uint8 (N, H, W, 3) to float32 (N, H, W, C), traced once for all sizes."""
    if keras.backend.backend() != "tensorflow":
        return lambda batch: np.asarray(model.predict_on_batch(batch.astype(np.float32)), np.float32)
    import tensorflow as tf

    shape = (None, *model.inputs[0].shape[1:3], 3)

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.uint8)], autograph=False)
    def compiled(batch):
        return tf.cast(model(tf.cast(batch, model.inputs[0].dtype), training=False), tf.float32)

    return lambda batch: compiled(batch).numpy()


def _exactly(size: tuple[int, int]) -> tuple[int, int]:
    return size


def rounded_size(size: tuple[int, ...]) -> tuple[int, int]:
    """The nearest multiples of `STRIDE`."""
    height, width = (max(STRIDE, round(side / STRIDE) * STRIDE) for side in size)
    return height, width


def _check_image(image: np.ndarray) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise UsageError(f"images are uint8 arrays (H, W, 3), RGB, received {what}; kseg.datasets.images.read_image")


def _finished(
    probabilities: np.ndarray,
    sizes: list[tuple[int, int]],
    original_size: bool,
    shown: list[np.ndarray],
    refine: Refiner | None,
) -> Iterator[np.ndarray]:
    lowest, highest = float(probabilities.min()), float(probabilities.max())
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        raise Failure("the model gives nan or infinity: its weights are not finite; take an earlier or another model")
    if lowest < -1e-3 or highest > 1 + 1e-3:
        raise UsageError(
            f"the model gives values from {lowest:.3g} to {highest:.3g} where probabilities in [0, 1] are wanted; "
            "if it gives logits, add a sigmoid or softmax"
        )
    probabilities = np.clip(probabilities, 0, 1)
    for i, (one, size) in enumerate(zip(probabilities, sizes, strict=True)):
        if original_size:
            one = np.asarray(resize_probabilities(one, size), np.float32)
        yield one if refine is None else refine(shown[i], one)
