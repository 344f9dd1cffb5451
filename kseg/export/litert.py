"""LiteRT (TensorFlow Lite): one file of fixed image size, for phones and small boards."""

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kseg.export import saved_model
from kseg.export.formats import Predict, alone


def write(serve: Any, path: Path, metadata: Mapping[str, str]) -> None:
    """Converts `serve`, by way of a SavedModel: the way that turns variables into constants."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".litert-") as folder:
        saved_model.write(serve, Path(folder), metadata)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
        # TensorFlow's own kernels stand in for what LiteRT lacks; `foreign_operations` tells which.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        path.write_bytes(converter.convert())


def load(path: Path) -> Predict:
    """The interpreter as a function of arrays."""
    run = _interpreter(path).get_signature_runner("serving_default")

    def predict(images: np.ndarray) -> Any:
        return alone(run(images=images))

    return predict


def foreign_operations(path: Path) -> list[str]:
    """Operations that are not LiteRT's: they need a build of it with TensorFlow's select ops."""
    return sorted({op["op_name"] for op in _interpreter(path)._get_ops_details() if op["op_name"].startswith("Flex")})


def _interpreter(path: Path) -> tf.lite.Interpreter:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated", category=UserWarning)
        return tf.lite.Interpreter(model_path=str(path))
