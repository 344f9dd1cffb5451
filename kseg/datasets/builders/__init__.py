"""The TFDS builders: importing this registers one for every data set (`lfw_parts`, `voc_segmentation` …).

`import kseg` makes TensorFlow Datasets import this package when TensorFlow Datasets itself is imported. Nothing else
imports it, so the data sets work without TensorFlow.
"""

from kseg.datasets.camvid.builder import CamvidSegmentation
from kseg.datasets.cityscapes.builder import CityscapesSegmentation
from kseg.datasets.coco.builder import CocoSegmentation
from kseg.datasets.coco_panoptic.builder import CocoPanopticSegmentation
from kseg.datasets.folder.builder import SegmentationFolder
from kseg.datasets.helen.builder import HelenParts
from kseg.datasets.isbi2012.builder import Isbi2012Segmentation
from kseg.datasets.lfw.builder import LfwParts
from kseg.datasets.pascal_context.builder import PascalContextSegmentation
from kseg.datasets.pets.builder import PetsSegmentation
from kseg.datasets.synthetic.builder import SyntheticPortraits
from kseg.datasets.voc.builder import VocSegmentation

__all__ = [
    "CamvidSegmentation",
    "CityscapesSegmentation",
    "CocoPanopticSegmentation",
    "CocoSegmentation",
    "HelenParts",
    "Isbi2012Segmentation",
    "LfwParts",
    "PascalContextSegmentation",
    "PetsSegmentation",
    "SegmentationFolder",
    "SyntheticPortraits",
    "VocSegmentation",
]
