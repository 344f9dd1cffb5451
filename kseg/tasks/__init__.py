"""What a network is asked about an image. All that differs between one question and another stands in its task.

`TASKS` maps the name of each to it. Training, inference and reports ask the task for losses, metrics, decoding,
evaluation and drawing, and name none.
"""

from kseg.tasks.base import TASKS, Circumstances, EpochScore, Evaluation, Evaluator, Outputs, Task, TrainingLoss

__all__ = ["TASKS", "Circumstances", "EpochScore", "Evaluation", "Evaluator", "Outputs", "Task", "TrainingLoss"]
