"""The parts of a composed loss as Keras metrics, so that training shows and logs them one by one."""

from typing import Any

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE
from kseg.losses.base import Reduction
from kseg.losses.compose import WeightedSum


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class LossPart(keras.metrics.Mean):
    """Running mean over images of one part of a loss, unweighted.

    `update_state` computes the part; `add_value` takes a computed value.
    """

    def __init__(self, loss: Any, name: str | None = None, dtype: Any = None):
        loss = keras.saving.deserialize_keras_object(loss) if isinstance(loss, dict) else loss
        super().__init__(name=name or loss.registry_name, dtype="float32")
        self.loss = loss

    def update_state(self, y_true, y_pred, sample_weight=None):
        return self.add_value(self.loss(y_true, y_pred, sample_weight), ops.shape(y_pred)[0])

    def add_value(self, value: Any, images: Any) -> Any:
        """Adds the part's value on a batch of `images` images."""
        return super().update_state(value / share_of_a_replica(), sample_weight=ops.cast(images, "float32"))

    def get_config(self) -> dict[str, Any]:
        return {"loss": keras.saving.serialize_keras_object(self.loss), "name": self.name}


def share_of_a_replica() -> Any:
    """The share of this device in a mean over the batch: 1, or 1/R where R replicas share the batch.

    Keras logs the loss of a replica times R, so a part of the loss is divided by 1/R as well.
    """
    one = ops.ones((1,), dtype="float32")
    return Reduction(reduction="sum_over_batch_size", dtype="float32")(one, one)


def part_metrics(loss: keras.losses.Loss) -> list[LossPart]:
    """One metric per part of a `WeightedSum`, named "loss_<part>"; [] for any other loss."""
    if not isinstance(loss, WeightedSum):
        return []
    return [LossPart(part, name=f"loss_{label}") for label, (_, part) in loss.parts.items()]
