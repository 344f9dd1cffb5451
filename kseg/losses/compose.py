"""Losses from a line of text, `get("ce + 4e-4*level_set(epsilon=0.05)")`, and the weighted sum it makes."""

import ast
from typing import Any

import keras

from kseg.conventions import SERIALISATION_PACKAGE
from kseg.errors import UsageError
from kseg.losses.base import LOSSES, SegmentationLoss
from kseg.losses.packed import bands_read, own_truth

CLASS_WEIGHTS = "class_weights"
"""The option of the losses that weigh classes."""


def get(
    spec: "str | keras.losses.Loss", *, class_weights: tuple[float, ...] | None = None, **common: Any
) -> keras.losses.Loss:
    """A loss from its name or from a sum of weighted names; a loss object passes through.

    Args:
      spec: "iou", "dice(smooth=0, squared=True)", "0.5*ce + lovasz". Arguments are those of the losses, by keyword.
      class_weights: one weight per class for the losses of the sum that take them and name none of their own.
      **common: options for a single loss; for a sum only those that every loss has (from_logits, void, reduction).
    Raises:
      UsageError: an unknown loss or argument (the nearest names are given), text that is no such sum, or class weights
        that no part of it takes.
    """
    if isinstance(spec, keras.losses.Loss):
        return spec
    terms = parse(spec)
    if class_weights is not None:
        terms = _weighted(terms, class_weights, spec)
    if len(terms) == 1 and terms[0][0] == 1.0:
        _, name, options = terms[0]
        return LOSSES[name](**{**common, **options})
    return WeightedSum([(weight, LOSSES[name](**{**common, **options})) for weight, name, options in terms])


def _weighted(
    terms: list[tuple[float, str, dict[str, Any]]], class_weights: tuple[float, ...], spec: str
) -> list[tuple[float, str, dict[str, Any]]]:
    takes = [CLASS_WEIGHTS in LOSSES[name].options and CLASS_WEIGHTS not in options for _, name, options in terms]
    if not any(takes):
        able = ", ".join(name for name in LOSSES if CLASS_WEIGHTS in LOSSES[name].options)
        raise UsageError(f"loss {spec!r} takes no class weights, or names its own; those that do take them: {able}")
    return [
        (weight, name, {**options, CLASS_WEIGHTS: class_weights} if taken else options)
        for (weight, name, options), taken in zip(terms, takes, strict=True)
    ]


def parse(spec: str) -> list[tuple[float, str, dict[str, Any]]]:
    """The terms of a sum: (weight, loss name, options)."""
    try:
        return [_term(node, spec) for node in _summands(ast.parse(spec.strip(), mode="eval").body)]
    except SyntaxError as error:
        raise _no_sum(spec, f"stuck at column {error.offset}") from None


def _no_sum(spec: str, reason: str) -> UsageError:
    return UsageError(f"loss {spec!r} is no sum of losses ({reason}); write it like 'ce + 0.5*dice(smooth=1)'")


def _summands(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_summands(node.left), *_summands(node.right)]
    return [node]


def _term(node: ast.expr, spec: str) -> tuple[float, str, dict[str, Any]]:
    weight = 1.0
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        number, node = (node.left, node.right) if _number(node.left) is not None else (node.right, node.left)
        factor = _number(number)
        if factor is None:
            raise _no_sum(spec, f"{ast.unparse(number)!r} is no number")
        weight *= factor
    if isinstance(node, ast.Name):
        return weight, node.id, {}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return weight, node.func.id, _options(node, spec)
    raise _no_sum(spec, f"{ast.unparse(node)!r} is no loss")


def _number(node: ast.expr) -> float | None:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _options(call: ast.Call, spec: str) -> dict[str, Any]:
    options = {}
    if call.args:
        raise _no_sum(spec, f"{ast.unparse(call.args[0])!r} has no name; give arguments by keyword")
    for keyword in call.keywords:
        try:
            options[str(keyword.arg)] = ast.literal_eval(keyword.value)
        except ValueError:
            raise _no_sum(spec, f"{ast.unparse(keyword.value)!r} is no number, text or tuple") from None
    return options


@keras.saving.register_keras_serializable(SERIALISATION_PACKAGE)
class WeightedSum(keras.losses.Loss):
    """Σ w_i·L_i as one Keras loss, whose parts stay at hand.

    `parts` maps a label ("ce", "level_set"; a second one of a kind is "iou_2") to (weight, loss), `part_values` gives
    their unweighted values on a batch. `packed_truth` are the kinds of bands that its parts read behind the label in
    y_true: each part gets its own, the others the label. Saved in a `.keras` file like any loss; `str()` is text that
    `get` reads back.
    """

    def __init__(self, parts: Any, *, name: str = "weighted_sum", reduction: str | None = "sum_over_batch_size"):
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.parts: dict[str, tuple[float, SegmentationLoss]] = {}
        for weight, part in parts:
            loss = keras.saving.deserialize_keras_object(part) if isinstance(part, dict) else part
            label, number = loss.registry_name, 2
            while label in self.parts:
                label, number = f"{loss.registry_name}_{number}", number + 1
            self.parts[label] = (float(weight), loss)
        self.packed_truth = bands_read(loss.packed_truth for _, loss in self.parts.values())

    def part_values(self, y_true, y_pred, sample_weight=None) -> dict[str, Any]:
        """The unweighted value of every part, by label."""
        return {
            label: loss(own_truth(y_true, y_pred, self.packed_truth, loss.packed_truth), y_pred, sample_weight)
            for label, (_, loss) in self.parts.items()
        }

    def __call__(self, y_true, y_pred, sample_weight=None):
        values = self.part_values(y_true, y_pred, sample_weight)
        return sum(weight * values[label] for label, (weight, _) in self.parts.items())

    def call(self, y_true, y_pred):
        return self(y_true, y_pred)

    def __str__(self) -> str:
        return " + ".join(f"{weight:g}*{describe(loss)}" for weight, loss in self.parts.values())

    def get_config(self) -> dict[str, Any]:
        parts = [[weight, keras.saving.serialize_keras_object(loss)] for weight, loss in self.parts.values()]
        return {"parts": parts, "name": self.name, "reduction": self.reduction}


def describe(loss: SegmentationLoss) -> str:
    """A loss as text that `get` reads back: its name and the options that differ from their defaults."""
    defaults = loss.defaults()
    options = {key: value for key, value in loss.get_config().items() if key in defaults and value != defaults[key]}
    return loss.registry_name + (f"({', '.join(f'{k}={v!r}' for k, v in options.items())})" if options else "")
