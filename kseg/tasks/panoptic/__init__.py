"""Which class is each pixel, and which object is it of? Things and stuff in one answer: panoptic segmentation."""

from kseg.tasks.panoptic.evaluation import PanopticEvaluation
from kseg.tasks.panoptic.task import PanopticTask

__all__ = ["PanopticEvaluation", "PanopticTask"]
