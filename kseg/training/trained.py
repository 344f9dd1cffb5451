"""The model that `fit` trains: a network, or its part behind cached features, with the loss and scores of a run."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from kseg.tasks import TrainingLoss
from kseg.training.compilation import as_one_program
from kseg.training.graded import GradedScores

OUTPUTS = "outputs"
"""Under which the logs of a validation batch hold the outputs, a tuple of one, where they are kept."""


class Objective:
    """What a stage of a run computes for a batch: its loss, the parts of the loss, and scores that do not train.

    Args:
      loss, scores: functions of targets (a dict) and outputs, as the task makes them.
      loss_by_xla, scores_by_xla: TensorFlow computes the loss, or updates the scores, by one XLA program.
    """

    def __init__(
        self,
        loss: TrainingLoss,
        scores: Sequence[keras.metrics.Metric],
        *,
        loss_by_xla: bool = False,
        scores_by_xla: bool = False,
    ):
        self.scores = tuple(scores)
        self.parts = tuple(loss.part_metrics())
        value_and_parts: Callable[..., tuple[Any, dict[str, Any]]] = loss.value_and_parts
        self._value_and_parts = as_one_program(value_and_parts) if loss_by_xla else value_and_parts
        self._score = as_one_program(self._update_scores) if scores_by_xla else self._update_scores

    def loss(self, targets: dict[str, Any], outputs: Any, *, weight: float = 1.0) -> Any:
        """The loss of a batch times the weight, float32 (); updates the running means of its parts, weighted alike."""
        value, parts = self._value_and_parts(targets, outputs)
        if self.parts:
            images = ops.shape(next(iter(targets.values())))[0]
            counted = images if weight == 1 else weight * ops.cast(images, "float32")
            for metric, part in zip(self.parts, parts.values(), strict=True):
                metric.add_value(part, counted)
        return value if weight == 1 else weight * value

    def score(self, targets: dict[str, Any], outputs: Any) -> None:
        """Count a batch in every score."""
        self._score(targets, outputs)

    def _update_scores(self, targets: dict[str, Any], outputs: Any) -> None:
        for metric in self.scores:
            metric.update_state(targets, outputs)


class Trained(keras.Model):
    """A network under training: it shares the network's layers, and takes targets as a dict.

    Losses and metrics pick the targets that they read. `prepare` comes before `fit`, once for every loss of a schedule;
    the optimizer goes on with its state.

    Args:
      network: a functional model that gives logits; with `graded`, a list of the logits and the scores of each.
      graded: the scores that the loss takes instead of the logits. The loss is the weighted sum over them, and its
        parts are logged as weighted means over them.
      keeps_outputs: the logs of a validation batch hold what the network gave by name, for callbacks that count it.
      several_workers: `fit` runs in several processes (`MultiWorkerMirroredStrategy`). Keras 3.15 then averages the
        logs of a step along an axis that scalars do not have ("Invalid reduction dimension 0"), so they get one.
    """

    _objective: Objective | None = None

    def __init__(
        self,
        network: keras.Model,
        *,
        graded: Sequence[GradedScores] = (),
        keeps_outputs: bool = False,
        several_workers: bool = False,
    ):
        super().__init__(network.input, network.output, name=network.name)
        self._several_workers = several_workers
        self._keeps_outputs, self._validates = keeps_outputs, False
        self._graded = tuple(graded)

    def prepare(self, objective: Objective, *, optimizer: Any, jit_compile: bool) -> None:
        """Train for this objective from now on."""
        self._objective = objective
        self.compile(optimizer=optimizer, jit_compile=jit_compile)

    @property
    def objective(self) -> Objective:
        assert self._objective is not None, "prepare() comes before fit()"
        return self._objective

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The metrics in the order in which they are logged."""
        if self._objective is None:
            return []
        return [self._loss_tracker, *self._objective.scores, *self._objective.parts]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The objective's loss plus the losses that layers add."""
        loss = self._loss_of(y, y_pred)
        return loss + sum(self._aggregate_additional_loss(added) for added in self.losses) if self.losses else loss

    def _loss_of(self, targets, outputs):
        if not self._graded:
            return self.objective.loss(targets, outputs)
        pairs = zip(self._graded, outputs[1:], strict=True)
        return sum(self.objective.loss(*graded.pair(targets, scores), weight=graded.weight) for graded, scores in pairs)

    def predict_on_batch(self, x):
        """The logits alone."""
        outputs = super().predict_on_batch(x)
        return outputs[0] if self._graded else outputs

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Every metric so far, by name, and `OUTPUTS` of a validation batch."""
        outputs = y_pred[0] if self._graded else y_pred
        self.objective.score(y, outputs)
        logs = self.get_metrics_result()
        if self._several_workers:
            return {name: ops.reshape(value, (1,)) for name, value in logs.items()}
        if not (self._keeps_outputs and self._validates):
            return logs
        # lists are features for the heads that a loss calls; no score reads them
        answers = {name: value for name, value in outputs.items() if not isinstance(value, list | tuple)}
        return {**logs, OUTPUTS: (answers,)}

    def test_step(self, *batch):
        """Keras' own, in which `compute_metrics` knows that it validates; every backend has other arguments."""
        self._validates = True
        try:
            return super().test_step(*batch)
        finally:
            self._validates = False

    def evaluate(self, *arguments, **options):
        """Keras' own, without the outputs of the last batch."""
        logs = super().evaluate(*arguments, **options)
        return {name: value for name, value in logs.items() if name != OUTPUTS} if isinstance(logs, dict) else logs

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing, because the objective of `prepare` is built already.

        Keras would average a first batch over the replicas to learn its shapes, which TensorFlow refuses among workers
        ("Attempt to convert a value (PerReplica…) to a Tensor").
        """
