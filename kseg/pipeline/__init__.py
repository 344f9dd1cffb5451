"""From records to batches: order, decoding, transforms, `tf.data`, plain arrays and the frozen-feature cache.

A `Source` gives NumPy batches for indices, an `Order` says which indices a step holds; `batches` (tf.data) and
`BatchSequence` (any backend) join the two. Neither importing this package nor `BatchSequence` needs TensorFlow.
"""

from kseg.pipeline.order import Order, batch_indices
from kseg.pipeline.source import ArraySpec, ImageSource, Signature, Source, own_errors
from kseg.pipeline.tfdata import batches, distributed_batches
from kseg.pipeline.transforms import Augmentation, compose

__all__ = [
    "ArraySpec",
    "Augmentation",
    "ImageSource",
    "Order",
    "Signature",
    "Source",
    "batch_indices",
    "batches",
    "compose",
    "distributed_batches",
    "own_errors",
]
