"""ONNX: one file for ONNX Runtime, in any language, through tf2onnx."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx
from google.protobuf.message import EncodeError
from tf2onnx.onnx_opset.math import FloorMod

from kseg.errors import Failure
from kseg.export.formats import PROBABILITIES, Predict, alone

OPSET = 17
"""Half-pixel resize needs 11; 17 is read by every ONNX Runtime since 1.12."""
AXES = ("N", "H", "W")


def write(serve: Any, path: Path, metadata: Mapping[str, str]) -> None:
    """Converts the graph of `serve`; sizes that vary are named N, H and W; `metadata` become the model's properties."""
    # 1. a graph that tf2onnx converts correctly
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)

    @tf.function(input_signature=serve.input_signature)
    def anchored(images):
        # tf2onnx now and then loses the Squeeze that it puts behind a last transpose of one channel (1.17.0,
        # reshape_optimizer on a graph output). A reshape to the images' own size keeps that transpose from being last.
        outputs = serve(images)
        if PROBABILITIES not in outputs:
            return outputs
        probabilities = outputs[PROBABILITIES]
        shape = tf.concat([tf.shape(images)[:3], [probabilities.shape[-1]]], axis=0)
        return {PROBABILITIES: tf.reshape(probabilities, shape)}

    # 2. convert, and name the sizes that vary
    model, _ = tf2onnx.convert.from_function(
        anchored,
        input_signature=serve.input_signature,
        opset=OPSET,
        custom_op_handlers={"FloorMod": (floor_mod, [])},
    )
    for value in (*model.graph.input, *model.graph.output):
        for axis, dimension in zip(AXES, value.type.tensor_type.shape.dim, strict=False):
            if not dimension.dim_value:
                dimension.dim_param = axis
    # 3. save
    onnx.helper.set_model_props(model, dict(metadata))
    try:
        onnx.save(model, str(path))
    except (EncodeError, ValueError) as error:
        raise Failure(
            f"the model is too large for one ONNX file (2 GB at most): {error}; export --format saved_model"
        ) from error


def floor_mod(context, node, name, args) -> None:
    """ONNX's Mod of integers has the divisor's sign, as Python's and TensorFlow's.

    tf2onnx 1.17.0 divides towards zero instead, so that −73 mod 8 is −1: padding to a multiple of 8 becomes cropping.
    """
    if context.get_dtype(node.input[0]) in (onnx.TensorProto.INT32, onnx.TensorProto.INT64):
        node.type = "Mod"
    else:
        FloorMod.version_7(context, node)


def load(path: Path) -> Predict:
    """A CPU session of ONNX Runtime as a function of arrays."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def predict(images: np.ndarray) -> Any:
        return alone(dict(zip(names, session.run(names, {"images": images}), strict=True)))

    return predict
