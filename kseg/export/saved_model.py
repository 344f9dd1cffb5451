"""SavedModel: TensorFlow's own format, for TensorFlow Serving, Java, Go, C++ and tf.saved_model.load."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kseg.export.formats import Predict, alone


def write(serve: Any, path: Path, metadata: Mapping[str, str]) -> None:
    """Saves `serve` as signature `serving_default` and as the attribute `serve`; `metadata` as the constants `card`."""
    module = tf.Module()
    module.serve = serve
    # The function captures the model's variables; the module must own them to be saved with it.
    module.variables_of_serve = list(serve.get_concrete_function().variables)
    module.card = {name: tf.constant(value) for name, value in metadata.items()}
    tf.saved_model.save(module, str(path), signatures={"serving_default": serve})


def load(path: Path) -> Predict:
    """The reloaded signature as a function of arrays."""
    loaded = tf.saved_model.load(str(path))

    def predict(images: np.ndarray) -> Any:
        outputs = loaded.serve(tf.constant(images))
        return alone({name: tensor.numpy() for name, tensor in outputs.items()})

    return predict
