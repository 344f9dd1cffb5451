"""Tasks: what a network is asked about an image. A task holds all that differs from one question to another.

`TASKS` maps names to tasks. Training, inference and reports ask the task for losses, metrics, decoding, evaluation and
drawing, and never ask which task it is.
"""

from kseg.tasks.base import TASKS, Circumstances, EpochScore, Evaluation, Evaluator, Outputs, Task, TrainingLoss

__all__ = ["TASKS", "Circumstances", "EpochScore", "Evaluation", "Evaluator", "Outputs", "Task", "TrainingLoss"]
