"""The TFDS builders: importing this registers `lfw_parts`, `helen_parts`, `synthetic_portraits`, `segmentation_folder`.

`import kseg` arranges that TensorFlow Datasets does so when it is imported itself; nothing else imports this package,
so the data sets work without TensorFlow.
"""

from kseg.datasets.folder.builder import SegmentationFolder
from kseg.datasets.helen.builder import HelenParts
from kseg.datasets.lfw.builder import LfwParts
from kseg.datasets.synthetic.builder import SyntheticPortraits

__all__ = ["HelenParts", "LfwParts", "SegmentationFolder", "SyntheticPortraits"]
