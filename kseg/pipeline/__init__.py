"""From records to batches: order, decoding, transforms, `tf.data`, plain arrays and the frozen-feature cache.

A `Source` gives NumPy batches for indices, and an `Order` gives the indices of a step; `batches` (tf.data) and
`arrays.BatchSequence` (any backend) combine the two. `frozen` cuts a network at its frozen front, and `features` stores
the front's outputs. Importing this package loads neither Keras nor TensorFlow, so that `--help` is fast; modules that
need Keras are imported by their own names.
"""

from kseg.pipeline.augmentation import Augmentation
from kseg.pipeline.image_source import ImageSource
from kseg.pipeline.order import Order, Positives, batch_indices
from kseg.pipeline.source import ArraySpec, Signature, Source, TargetMaker, own_errors
from kseg.pipeline.tfdata import batches, distributed_batches
from kseg.pipeline.transforms import compose

__all__ = [
    "ArraySpec",
    "Augmentation",
    "ImageSource",
    "Order",
    "Positives",
    "Signature",
    "Source",
    "TargetMaker",
    "batch_indices",
    "batches",
    "compose",
    "distributed_batches",
    "own_errors",
]
