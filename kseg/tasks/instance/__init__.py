"""Which objects are there, and where? A box, a class, a mask and a score for each: instance segmentation."""

from kseg.tasks.instance.evaluation import InstanceEvaluation
from kseg.tasks.instance.task import InstanceTask

__all__ = ["InstanceEvaluation", "InstanceTask"]
