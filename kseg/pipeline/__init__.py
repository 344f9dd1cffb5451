"""From records to batches: order, decoding, transforms, `tf.data`, plain arrays and the frozen-feature cache.

A `Source` gives NumPy batches for indices, an `Order` says which indices a step holds; `batches` (tf.data) and
`arrays.BatchSequence` (any backend) join the two. `frozen` cuts a network at its frozen front, `features` stores what
the front makes of the images. Importing this package loads neither Keras nor TensorFlow, for the sake of `--help`;
what needs Keras is imported from its own module.
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
