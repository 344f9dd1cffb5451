"""TensorBoard events: scalars per epoch, and overlays of a few validation images. Needs TensorFlow."""

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np

from kseg.datasets import Dataset
from kseg.errors import Failure
from kseg.structures import Structure
from kseg.tasks import Outputs, Task
from kseg.training.callbacks.history import History


@contextlib.contextmanager
def event_errors(path: Path) -> Iterator[None]:
    """Turns TensorFlow's errors about a full disk or a lost folder, which are no `OSError`, into a sentence."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        reason = next(filter(None, (error.message or "").split("; ")[-1].splitlines()), type(error).__name__)
        raise Failure(
            f"cannot write TensorBoard events in {path}: {reason}; make room, or train without: --no-tensorboard"
        ) from error


def open_events(path: Path):
    """A writer of TensorBoard events. Raises: Failure if nothing can be written there."""
    import tensorflow as tf

    with event_errors(path):
        return tf.summary.create_file_writer(str(path))


class TensorBoardScalars(keras.callbacks.Callback):
    """Every number of an epoch's entry, under the names of `metrics.jsonl`."""

    def __init__(self, history: History, writer):
        super().__init__()
        self.history = history
        self.path = history.workdir.tensorboard
        self.writer = writer

    def on_epoch_end(self, epoch, logs=None):
        import tensorflow as tf

        entry = self.history.entries[-1]
        with event_errors(self.path), self.writer.as_default(step=entry["epoch"]):
            for name, value in entry.items():
                if name != "epoch":
                    tf.summary.scalar(name, value)
            self.writer.flush()


class TensorBoardOverlays(keras.callbacks.Callback):
    """Truth and prediction side by side, painted on the first validation images.

    Args:
      path: the folder of the events, named in errors.
      task: what the model answers.
      inputs, images, truths: what the trained model takes (features, where they are cached), the same images as RGB,
        and the truth of each.
      validated: the outputs of these images in the validation of the epoch, where they are kept; else the images are
        predicted once more.
    """

    def __init__(
        self,
        path: Path,
        writer,
        task: Task,
        dataset: Dataset,
        inputs,
        images: np.ndarray,
        truths: Sequence[Structure],
        *,
        validated: Sequence[Outputs] = (),
    ):
        super().__init__()
        self.path = path
        self.writer = writer
        self.task = task
        self.paint = partial(
            task.draw, palette=dataset.palette, background=dataset.has_background, classes=dataset.classes
        )
        self.inputs = inputs
        self.images = images
        self.truths = truths
        self.validated = validated

    def on_epoch_end(self, epoch, logs=None):
        import tensorflow as tf

        outputs = self.validated or self.task.of_each_image(
            self.task.activated(self.model.predict_on_batch(self.inputs))
        )
        pairs = [
            np.concatenate([self.paint(image, truth), self.paint(image, self.task.decode(output))], axis=1)
            for image, truth, output in zip(self.images, self.truths, outputs, strict=True)
        ]
        with event_errors(self.path), self.writer.as_default(step=epoch + 1):
            tf.summary.image("truth | prediction", np.stack(pairs), max_outputs=len(pairs))
            self.writer.flush()
