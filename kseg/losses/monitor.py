"""The parts of a composed loss as Keras metrics, so that training shows and logs them one by one."""

from typing import Any

import keras
from keras import ops

from kseg.conventions import SERIALISATION_PACKAGE
from kseg.losses.compose import WeightedSum


@keras.saving.register_keras_serializable(SERIALISATION_PACKAGE)
class LossPart(keras.metrics.Mean):
    """Running mean over images of one loss, unweighted."""

    def __init__(self, loss: Any, name: str | None = None, dtype: Any = None):
        loss = keras.saving.deserialize_keras_object(loss) if isinstance(loss, dict) else loss
        super().__init__(name=name or loss.registry_name, dtype="float32")
        self.loss = loss

    def update_state(self, y_true, y_pred, sample_weight=None):
        if len(y_true.shape) == 4 and y_true.shape[-1] not in (1, y_pred.shape[-1]) and not self.loss.packed_truth:
            y_true = y_true[..., 0]
        value = self.loss(y_true, y_pred, sample_weight)
        return super().update_state(value, sample_weight=ops.cast(ops.shape(y_pred)[0], "float32"))

    def get_config(self) -> dict[str, Any]:
        return {"loss": keras.saving.serialize_keras_object(self.loss), "name": self.name}


def part_metrics(loss: keras.losses.Loss) -> list[LossPart]:
    """One metric per part of a `WeightedSum`, named "loss_<part>"; none for any other loss."""
    if not isinstance(loss, WeightedSum):
        return []
    return [LossPart(part, name=f"loss_{label}") for label, (_, part) in loss.parts.items()]
