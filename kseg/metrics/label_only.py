"""A metric of the label alone, where y_true holds bands behind it that only the loss reads."""

from typing import Any

import keras

from kseg.conventions import SERIALISATION_PACKAGE


@keras.saving.register_keras_serializable(SERIALISATION_PACKAGE)
class LabelOnly(keras.metrics.Metric):
    """Another metric, under its name, that is shown the first channel of a y_true (N, H, W, 1 + B).

    Label maps (N, H, W) and (N, H, W, 1) it is shown as they are.
    """

    def __init__(self, metric: Any, name: str | None = None, dtype: Any = None):
        metric = keras.saving.deserialize_keras_object(metric) if isinstance(metric, dict) else metric
        super().__init__(name=name or metric.name, dtype=dtype)
        self.metric = metric

    def update_state(self, y_true, y_pred, sample_weight=None):
        return self.metric.update_state(y_true[..., 0] if len(y_true.shape) == 4 else y_true, y_pred, sample_weight)

    def result(self):
        return self.metric.result()

    def reset_state(self):
        self.metric.reset_state()

    def get_config(self) -> dict[str, Any]:
        return {"metric": keras.saving.serialize_keras_object(self.metric), "name": self.name}
