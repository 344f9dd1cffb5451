"""A model applied to images of any size: resize in or cut into tiles, run the network, resize back, refine, decode."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np

from kseg.conventions import DEFAULT_TASK, STRIDE
from kseg.datasets.images import Picture, resize_image
from kseg.errors import UsageError
from kseg.inference.augmented import Augmented, Forward
from kseg.inference.tiled import check_tiles_fit, streamed
from kseg.postprocess import Refiner, Tiling
from kseg.structures import Structure
from kseg.tasks import TASKS, Outputs, Task

if TYPE_CHECKING:
    from kseg.inference.model_file import ModelCard

LARGEST_BATCH = 16 * 512 * 512
"""Pixels in a batch of more than one image: sixteen photographs as they are would not fit into memory."""

ImageSize = tuple[int, int] | Literal["original"] | None
"""Size of a network's input: (height, width); "original": each image's own to the pixel; None: rounded to `STRIDE`."""

ORIGINAL: Literal["original"] = "original"

NOTHING_LEFT = re.compile(
    "negative|non-?zero size|too small|smaller than|greater than actual input|could not create a descriptor",
    re.IGNORECASE,
)
"""Finds the messages of TensorFlow, oneDNN, JAX and PyTorch about a map that is smaller than a window."""


@dataclass(frozen=True)
class Predictor:
    """A trained model applied to images of any size: feed, forward, refine, decode.

    Args:
      model: (N, H, W, 3) in 0..255 to the outputs that its task decodes.
      image_size: (height, width) in pixels of the network's input; None: each image's own size, rounded to a multiple
        of 32 so that few different shapes reach the network; "original": its own size to the pixel, nothing is
        resized (kseg's models take any size). A model built for one size wants that size.
      batch_size: images per forward pass, fewer of large ones (`LARGEST_BATCH` pixels); a batch holds consecutive
        images of one network size.
      refiners: each in turn takes an image and its outputs, both at the size that is returned, and gives better
        outputs.
      task: what the model answers.
      tiling: each image goes through the network as it is, but tile by tile, and its outputs are `Streamed`: computed
        as they are read. `image_size` does not matter then. Refiners get the outputs whole.
      augmented: what the network is shown beside each image, or each tile.
    Errors: images that are not uint8 RGB, a size the model cannot take and meaningless outputs (logits, nan) are
      refused.
    """

    model: keras.Model
    image_size: ImageSize = None
    batch_size: int = 16
    refiners: tuple[Refiner, ...] = ()
    task: Task = field(default_factory=lambda: TASKS[DEFAULT_TASK])
    tiling: Tiling | None = None
    augmented: Augmented = field(default_factory=Augmented)

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"the batch size is at least 1, received {self.batch_size}")
        if (self.tiling is not None or self.augmented.chosen) and self.task.name != DEFAULT_TASK:
            what = "tiling" if self.tiling is not None else "test-time augmentation"
            raise UsageError(
                f"{what} needs probabilities of a pixel's classes; the model answers the task {self.task.name!r}; "
                f"leave {what} out"
            )

    def outputs(self, images: Iterable[Picture], *, original_size: bool = True) -> Iterator[Outputs]:
        """The model's outputs for each image, in order, one batch of images in memory at a time.

        Args:
          images: uint8 (H, W, 3) RGB, each of its own size; with `tiling` also what reads its rows from a file.
          original_size: at each image's size; False leaves them at the network's.
        """
        # 1. how images are fed
        self.augmented.check_fits(self.model)
        if self.tiling is not None:
            yield from self._tile_by_tile(images)
            return
        fixed_size = network_size(self.model, self.image_size)
        own_size = _exactly if self.image_size == ORIGINAL else rounded_size
        run = self.augmented.around(forward(self.model))
        # 2. batches of images that are fed at the same size
        batch: list[np.ndarray] = []
        sizes: list[tuple[int, int]] = []
        shown: list[np.ndarray] = []  # for the refiners alone, because large photographs take memory

        def finished() -> Iterator[Outputs]:
            for i, outputs in enumerate(self.task.of_each_image(run(np.stack(batch)))):
                outputs = self.task.resized(outputs, sizes[i]) if original_size else outputs
                for refine in self.refiners:
                    outputs = refine(shown[i], outputs)
                yield outputs

        for image in images:
            _check_image(image)
            size = fixed_size or own_size(image.shape[:2])
            fed = resize_image(np.asarray(image), size)
            full = len(batch) == self.batch_size or (len(batch) + 1) * fed[..., 0].size > LARGEST_BATCH
            if batch and (full or batch[0].shape != fed.shape):
                yield from finished()
                batch, sizes, shown = [], [], []
            batch.append(fed)
            sizes.append(image.shape[:2])
            if self.refiners:
                shown.append(np.asarray(image) if original_size else fed)
        if batch:
            yield from finished()

    def _tile_by_tile(self, images: Iterable[Picture]) -> Iterator[Outputs]:
        assert self.tiling is not None
        check_tiles_fit(self.model, self.tiling)
        run = self.augmented.around(forward(self.model))

        def checked(tiles: np.ndarray) -> Outputs:
            return self.task.of_each_image(run(tiles))

        for image in images:
            _check_image(image)
            outputs: Outputs = streamed(self.model, self.tiling, image, checked, batch_size=self.batch_size)
            for refine in self.refiners:
                outputs = refine(np.asarray(image), np.asarray(outputs))
            yield outputs

    def answers(self, images: Iterable[np.ndarray], *, threshold: float | None = None) -> Iterator[Structure]:
        """The decoded answer for each image, at its size, in order."""
        for outputs in self.outputs(images):
            yield self.task.decode(outputs, threshold=threshold)


def predict_probabilities(
    model: keras.Model,
    images: Iterable[Picture],
    image_size: ImageSize,
    batch_size: int = 16,
    *,
    original_size: bool = True,
    refine: Refiner | None = None,
    tiling: Tiling | None = None,
    augmented: Augmented | None = None,
) -> Iterator[np.ndarray]:
    """The probabilities of a semantic model for each image, in order: float32 (H, W, C); see `Predictor`."""
    refiners = () if refine is None else (refine,)
    predictor = Predictor(model, image_size, batch_size, refiners, tiling=tiling, augmented=augmented or Augmented())
    return predictor.outputs(images, original_size=original_size)


def fed_size(
    card: "ModelCard", image_size: tuple[int, int] | None, input_size: Literal["trained", "original"] | None
) -> ImageSize:
    """The size to feed, from `--image-size` and `--input-size` or, where they are unset, as the run was measured.

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
    """The model as a function from uint8 (N, H, W, 3) to arrays, floats as float32, traced once for all sizes.

    The function raises UsageError for images that are too small for the model.
    """
    if keras.backend.backend() != "tensorflow":
        return _for_large_enough(
            lambda batch: keras.tree.map_structure(_single, model.predict_on_batch(batch.astype(np.float32)))
        )
    import tensorflow as tf

    def single(tensor):
        return tf.cast(tensor, tf.float32) if tensor.dtype.is_floating else tensor

    shape = (None, *model.inputs[0].shape[1:3], 3)

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.uint8)], autograph=False)
    def compiled(batch):
        return keras.tree.map_structure(single, model(tf.cast(batch, model.inputs[0].dtype), training=False))

    return _for_large_enough(lambda batch: keras.tree.map_structure(lambda tensor: tensor.numpy(), compiled(batch)))


def _for_large_enough(run: Forward) -> Forward:
    """`run` with a UsageError where an unpadded layer has no pixel left; backends raise or return nothing there."""

    def refusing(batch: np.ndarray) -> Any:
        try:
            outputs = run(batch)
        except Exception as error:
            if not NOTHING_LEFT.search(str(error)):
                raise
            raise _too_small(batch) from error
        if any(not np.size(array) for array in keras.tree.flatten(outputs)):
            raise _too_small(batch)
        return outputs

    return refusing


def _too_small(batch: np.ndarray) -> UsageError:
    height, width = batch.shape[1:3]
    return UsageError(
        f"images of {height}×{width} pixels are too small for the model; feed larger ones, as with --image-size, and "
        "leave small --scales out"
    )


def _single(array: np.ndarray) -> np.ndarray:
    """float32 of any floats, bfloat16 among them; other arrays as they are."""
    array = np.asarray(array)
    return array if array.dtype.kind in "biu" else array.astype(np.float32)


def _exactly(size: tuple[int, int]) -> tuple[int, int]:
    return size


def rounded_size(size: tuple[int, ...]) -> tuple[int, int]:
    """The nearest multiples of `STRIDE`."""
    height, width = (max(STRIDE, round(side / STRIDE) * STRIDE) for side in size)
    return height, width


def _check_image(image: Picture) -> None:
    if not isinstance(image, Picture) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise UsageError(
            f"images are uint8 arrays (H, W, 3), RGB, received {what}; read files with kseg.datasets.images.read_image"
        )
