"""TensorBoard events: scalars per epoch, and overlays of a few validation images. Needs TensorFlow."""

import keras
import numpy as np

from kseg.datasets import Dataset
from kseg.datasets.images import overlay
from kseg.training.callbacks.history import History


class TensorBoardScalars(keras.callbacks.Callback):
    """Every number of an epoch's entry, under the names of `metrics.jsonl`."""

    def __init__(self, history: History, writer):
        super().__init__()
        self.history = history
        self.writer = writer

    def on_epoch_end(self, epoch, logs=None):
        import tensorflow as tf

        entry = self.history.entries[-1]
        with self.writer.as_default(step=entry["epoch"]):
            for name, value in entry.items():
                if name != "epoch":
                    tf.summary.scalar(name, value)
        self.writer.flush()


class TensorBoardOverlays(keras.callbacks.Callback):
    """Truth and prediction side by side, painted on the first validation images.

    Args:
      inputs, images, labels: what the trained model takes (features, where they are cached), the same images as RGB,
        and their label maps.
    """

    def __init__(self, writer, dataset: Dataset, inputs, images: np.ndarray, labels: np.ndarray):
        super().__init__()
        self.writer = writer
        self.palette = dataset.palette
        self.inputs = inputs
        self.images = images
        self.labels = labels

    def on_epoch_end(self, epoch, logs=None):
        import tensorflow as tf

        logits = keras.ops.convert_to_numpy(self.model.predict_on_batch(self.inputs))
        binary = logits.shape[-1] == 1
        predicted = (logits[..., 0] > 0).astype("uint8") if binary else logits.argmax(-1).astype("uint8")
        pairs = [
            np.concatenate([overlay(image, truth, self.palette), overlay(image, guess, self.palette)], axis=1)
            for image, truth, guess in zip(self.images, self.labels, predicted, strict=True)
        ]
        with self.writer.as_default(step=epoch + 1):
            tf.summary.image("truth | prediction", np.stack(pairs), max_outputs=len(pairs))
        self.writer.flush()
