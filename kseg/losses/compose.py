"""Losses from text, `get("ce + 4e-4*level_set(epsilon=0.05)")`, and the weighted sum of losses."""

import ast
import math
from collections.abc import Iterator
from typing import Any

import keras

from kseg.conventions import SERIALIZATION_PACKAGE
from kseg.errors import UsageError, unknown_name
from kseg.losses.base import LOSSES, SegmentationLoss
from kseg.losses.options import number as plain_number
from kseg.losses.options import present_name

CLASS_WEIGHTS = "class_weights"
"""The option of losses with class weights."""
MOST_SUMMANDS = 100
"""More parts would each build a graph, which costs memory."""
_NOTHING = object()


def get(
    spec: "str | keras.losses.Loss", *, class_weights: tuple[float, ...] | None = None, **common: Any
) -> keras.losses.Loss:
    """A loss from its name or from a sum of weighted names; a loss object passes through.

    Args:
      spec: "iou", "dice(smooth=0, squared=True)", "0.5*ce + lovasz". Arguments are those of the losses, by keyword.
      class_weights: one weight per class, for the losses of the sum that take class weights and do not set their own.
      **common: options for a single loss; for a sum only those that every loss has (from_logits, void, reduction).
        These are not part of the text, since truth and prediction are the same for all parts.
    Raises:
      UsageError: an unknown loss or argument (the error suggests the nearest names), text that is no sum of losses, or
        class weights that no part takes.

    >>> loss = get("bce + 0.5*iou(smooth=1)")
    >>> round(float(loss([[[1, 1], [0, 255]]], [[[[0.9], [0.6]], [[0.2], [0.5]]]])), 3)  # 0.280 + 0.5·(1 − 2.5/3.2)
    0.389
    """
    if isinstance(spec, keras.losses.Loss):
        return spec
    if not isinstance(spec, str):
        raise UsageError(f"{spec!r} is no loss; give a name or a sum of names, such as 'ce + 0.5*dice(smooth=1)'")
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
        raise UsageError(f"loss {spec!r} takes no class weights, or sets its own; losses that take them: {able}")
    return [
        (weight, name, {**options, CLASS_WEIGHTS: class_weights} if taken else options)
        for (weight, name, options), taken in zip(terms, takes, strict=True)
    ]


def parse(spec: str) -> list[tuple[float, str, dict[str, Any]]]:
    """The terms of a sum: (weight, loss name, options)."""
    try:
        nodes = _summands(ast.parse(spec.strip(), mode="eval").body)
        if len(nodes) > MOST_SUMMANDS:
            raise _no_sum(spec, f"{len(nodes)} summands; {MOST_SUMMANDS} are the most")
        return [_term(node, spec) for node in nodes]
    except SyntaxError as error:
        raise _no_sum(spec, f"stuck at column {error.offset}") from None
    except (RecursionError, MemoryError):
        raise _no_sum(spec, f"it is nested too deeply, or has more than {MOST_SUMMANDS} summands") from None


def _no_sum(spec: str, reason: str) -> UsageError:
    shown = spec if len(spec) <= 300 else f"{spec[:300]}…"
    return UsageError(f"loss {shown!r} is no sum of losses ({reason}); write it like 'ce + 0.5*dice(smooth=1)'")


def _summands(node: ast.expr) -> list[ast.expr]:
    return _operands(node, ast.Add)


def _operands(node: ast.expr, operator: type[ast.operator]) -> list[ast.expr]:
    """a, b, c of a + b + c, in order."""
    waiting, operands = [node], []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.BinOp) and isinstance(node.op, operator):
            waiting += [node.right, node.left]
        else:
            operands.append(node)
    return operands


def _term(node: ast.expr, spec: str) -> tuple[float, str, dict[str, Any]]:
    weight, loss = 1.0, None
    for factor in _operands(node, ast.Mult):
        value = _number(factor)
        if value is not None:
            weight *= value
        elif loss is None and isinstance(factor, ast.Name | ast.Call):
            loss = factor
        elif isinstance(factor, ast.BinOp) and isinstance(factor.op, ast.Add) and factor is not node:
            raise _no_sum(spec, f"'({ast.unparse(factor)})' is in brackets; give each of its losses the factor")
        elif factor is node:
            raise _no_sum(spec, f"{ast.unparse(node)!r} is no loss")
        else:
            raise _no_sum(spec, f"{ast.unparse(factor)!r} is no number")
    if loss is None:
        raise _no_sum(spec, f"{ast.unparse(node)!r} is no loss")
    if not math.isfinite(weight):
        raise _no_sum(spec, f"the weight in {ast.unparse(node)!r} is not finite")
    if isinstance(loss, ast.Name):
        return weight, loss.id, {}
    if isinstance(loss.func, ast.Name):
        return weight, loss.func.id, _options(loss, loss.func.id, spec)
    raise _no_sum(spec, f"{ast.unparse(loss)!r} is no loss")


def _number(node: ast.expr) -> float | None:
    value = _literal(node)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer of hundreds of digits
        return math.inf


def _literal(node: ast.expr) -> Any:
    """The number, text, tuple… of a node; `_NOTHING` if it is no literal."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):  # a list as the key of a dictionary is a TypeError
        return _NOTHING


def _options(call: ast.Call, name: str, spec: str) -> dict[str, Any]:
    valid = LOSSES[name].options
    options: dict[str, Any] = {}
    if call.args:
        raise _no_sum(spec, f"{ast.unparse(call.args[0])!r} has no name; give arguments by keyword")
    for keyword in call.keywords:
        if keyword.arg is None:
            raise _no_sum(spec, f"'**{ast.unparse(keyword.value)}' has no name; give arguments by keyword")
        option = present_name(keyword.arg, valid)
        if option in options:
            raise _no_sum(spec, f"{name} is given {option!r} twice; leave one of them out")
        if not valid:
            raise UsageError(f"loss {name!r} has no options and got {option!r}; write only {name!r}")
        if option not in valid:
            raise unknown_name(f"option of loss {name!r}:", option, valid)
        options[option] = _literal(keyword.value)
        if options[option] is _NOTHING:
            raise _no_sum(spec, f"{ast.unparse(keyword.value)!r} is no number, text or tuple")
    return options


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class WeightedSum(keras.losses.Loss):
    """Σ w_i·L_i as one Keras loss with accessible parts.

    `parts` maps a label ("ce", "level_set"; a second one of a kind is "iou_2") to (weight, loss), and `part_values`
    gives their unweighted values on a batch. Every part takes the targets that it reads. A `.keras` file stores the sum
    like any loss. `str()` is text that `get` reads back exactly (without from_logits, void and reduction).

    Args:
      parts: pairs (weight, loss); a sum among them is replaced by its parts, times its weight.
      reduction: must be the default, since the parts reduce their values; Keras passes it to every loss.
    Raises:
      UsageError: no parts, a weight that is no finite number, a part that is no loss of kseg, or another reduction.
    """

    def __init__(self, parts: Any, *, name: str = "weighted_sum", reduction: str | None = "sum_over_batch_size"):
        if reduction != "sum_over_batch_size":
            raise UsageError(
                f"a sum of losses got reduction={reduction!r}, but its parts have their own; give it to each part, or "
                f"to all by get('ce + dice', reduction={reduction!r})"
            )
        super().__init__(name=name, dtype="float32")
        self.parts: dict[str, tuple[float, SegmentationLoss]] = {}
        for weight, loss in _flat(parts):
            label, number = loss.registry_name, 2
            while label in self.parts:
                label, number = f"{loss.registry_name}_{number}", number + 1
            self.parts[label] = weight, loss
        if not self.parts:
            raise UsageError("a sum of losses got no parts; give at least one, such as WeightedSum([(1.0, get('ce'))])")

    def part_values(self, y_true, y_pred, sample_weight=None) -> dict[str, Any]:
        """The unweighted value of every part, by label."""
        return {label: loss(y_true, y_pred, sample_weight) for label, (_, loss) in self.parts.items()}

    def value_and_parts(self, y_true, y_pred, sample_weight=None) -> tuple[Any, dict[str, Any]]:
        """The sum, and the unweighted value of every part, by label."""
        values = self.part_values(y_true, y_pred, sample_weight)
        return sum(weight * values[label] for label, (weight, _) in self.parts.items()), values

    def __call__(self, y_true, y_pred, sample_weight=None):
        return self.value_and_parts(y_true, y_pred, sample_weight)[0]

    def call(self, y_true, y_pred):
        return self(y_true, y_pred)

    def __str__(self) -> str:
        return " + ".join(f"{weight_text(weight)}*{describe(loss)}" for weight, loss in self.parts.values())

    def get_config(self) -> dict[str, Any]:
        parts = [[weight, keras.saving.serialize_keras_object(loss)] for weight, loss in self.parts.values()]
        return {"parts": parts, "name": self.name}


def _flat(parts: Any) -> Iterator[tuple[float, SegmentationLoss]]:
    for given, part in parts:
        weight = plain_number(given)
        if weight is None:
            raise UsageError(f"a sum of losses got the weight {given!r}; give a finite number, such as 0.5")
        loss = keras.saving.deserialize_keras_object(part) if isinstance(part, dict) else part
        if isinstance(loss, WeightedSum):
            yield from ((weight * inner, one) for inner, one in loss.parts.values())
        elif isinstance(loss, SegmentationLoss):
            yield float(weight), loss
        else:
            raise UsageError(
                f"a sum of losses got the part {loss!r}; make parts by get('ce'), valid: {', '.join(LOSSES)}"
            )


def weight_text(weight: float) -> str:
    """The shortest text that is this number."""
    short = f"{weight:g}"
    return short if float(short) == weight else repr(weight)


def describe(loss: SegmentationLoss) -> str:
    """A loss as text that `get` reads back: its name and the options that differ from their defaults."""
    defaults = loss.defaults()
    options = {key: value for key, value in loss.get_config().items() if key in defaults and value != defaults[key]}
    return loss.registry_name + (f"({', '.join(f'{k}={v!r}' for k, v in options.items())})" if options else "")
