"""Cuts a network into its frozen front and the part that is trained.

The frozen front always gives the same output for the same image, so it can be computed once per image
(`kseg.pipeline.features`), and the rest is trained on the stored result.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import keras

Node = Any
"""One call of a layer in a functional model (`keras.src.ops.node.Node`)."""

DTYPE_BYTES = {"bfloat16": 2, "float16": 2, "float32": 4, "float64": 8, "uint8": 1, "int32": 4}


class Split(NamedTuple):
    """`head(extractor(images))` equals `model(images)`; both share the model's layers and weights."""

    extractor: keras.Model
    head: keras.Model


def split_frozen(model: keras.Model) -> Split | None:
    """The model as (frozen extractor, head), or None if it has no frozen front worth caching.

    The extractor is the largest front part of the graph whose result no training step changes. A call belongs to it if
    all of its inputs do and its layer is fixed: the layer has no trainable weights, is `trainable=False` if it has any
    weights (batch normalization then uses its stored statistics), draws no random numbers, adds no activity loss and is
    not a `Lambda`, whose code is unknown. Where the last calls of the front have no weights and only enlarge its result
    (padding, upsampling), they go to the head.

    The head takes the tensors that cross the cut, in the order of `extractor.outputs`; training the head trains the
    layers of `model`. Its inputs have the dtype that the extractor delivers (bfloat16 under mixed_bfloat16).

    Returns None if the model is not functional, no layer of the front has weights, no layer is left to train, or the
    head would need the input image.
    """
    if not isinstance(model, keras.models.Model) or not hasattr(model, "_nodes_by_depth"):
        return None
    nodes = [node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]]
    images = {id(tensor) for tensor in model.inputs}
    front = _without_enlarging_end(nodes, _front(nodes), model.outputs, images)
    rest = [node for node in nodes if id(node) not in front]
    tensors = _crossing(nodes, front, model.outputs)
    frozen_weights = any(node.operation.weights for node in nodes if id(node) in front and _is_layer(node))
    if not rest or not frozen_weights or any(id(tensor) in images for tensor in tensors):
        return None
    extractor = keras.Model(model.input, tensors, name=f"{model.name}_frozen")
    return Split(extractor, _replayed(rest, tensors, model.output, name=f"{model.name}_head"))


def bytes_per_image(tensors: Iterable[Any]) -> int:
    """Bytes of one example of these tensors; an axis of unknown length counts as 1."""
    return sum(math.prod(side or 1 for side in t.shape[1:]) * DTYPE_BYTES[t.dtype] for t in tensors)


def _front(nodes: list[Node]) -> set[int]:
    """ids of the nodes that are fixed together with all their inputs; `nodes` are sorted from input to output."""
    front: set[int] = set()
    fixed_tensors: set[int] = set()
    for node in nodes:
        if _is_fixed(node.operation) and all(id(t) in fixed_tensors for t in node.input_tensors):
            front.add(id(node))
            fixed_tensors |= {id(t) for t in node.outputs}
    return front


def _is_layer(node: Node) -> bool:
    return isinstance(node.operation, keras.layers.Layer)


def _is_fixed(operation: Any) -> bool:
    if not isinstance(operation, keras.layers.Layer):
        return True  # `a + b` and the like
    return all(_is_fixed_layer(layer) for layer in operation._flatten_layers())


def _is_fixed_layer(layer: keras.layers.Layer) -> bool:
    weights = {id(variable) for variable in layer.weights}
    random_state = any(id(variable) not in weights for variable in layer.variables)
    own_variables = layer._trainable_variables + layer._non_trainable_variables
    return (
        not layer.trainable_weights
        and not (own_variables and layer.trainable)
        and not random_state
        and layer.activity_regularizer is None
        and not isinstance(layer, keras.layers.Lambda)
    )


def _crossing(nodes: list[Node], front: set[int], outputs: list[Any]) -> list[Any]:
    """Tensors of the front that the rest or the caller uses, in the order of computation."""
    used = {id(t) for node in nodes if id(node) not in front for t in node.input_tensors} | {id(t) for t in outputs}
    return [t for node in nodes if id(node) in front for t in node.outputs if id(t) in used]


def _without_enlarging_end(nodes: list[Node], front: set[int], outputs: list[Any], images: set[int]) -> set[int]:
    for node in reversed(nodes):
        feeds_front = {id(t) for other in nodes if id(other) in front for t in other.input_tensors}
        removable = (
            id(node) in front
            and not node.is_input
            and not any(id(t) in images for t in node.input_tensors)  # the head must not need the image
            and not (_is_layer(node) and node.operation.weights)
            and not any(id(t) in feeds_front for t in node.outputs)
        )
        if removable:
            smaller = front - {id(node)}
            before, after = (bytes_per_image(_crossing(nodes, part, outputs)) for part in (front, smaller))
            front = smaller if after < before else front
    return front


def _replayed(nodes: list[Node], tensors: list[Any], output: Any, name: str) -> keras.Model:
    """A model that repeats the calls `nodes` on inputs in place of `tensors`.

    `keras.Model(tensors, output)` does nearly the same, but mistakes a layer that makes one of `tensors` and is called
    again later for an input.
    """
    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype, name=f"frozen_{i}") for i, t in enumerate(tensors)]
    values = {id(old): new for old, new in zip(tensors, inputs, strict=True)}
    for node in nodes:
        args, kwargs = node.arguments.fill_in(values)
        results = keras.tree.flatten(node.operation(*args, **kwargs))
        values.update((id(old), new) for old, new in zip(node.outputs, results, strict=True))
    outputs = keras.tree.map_structure(lambda t: values[id(t)], output)
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs, name=name)
