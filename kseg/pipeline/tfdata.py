"""Batches of a source as a `tf.data.Dataset`; the only module of the pipeline that needs TensorFlow.

Every step is one Python call that returns a whole batch; several steps run in parallel, and their order is kept.
"""

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from kseg.errors import UsageError
from kseg.pipeline.order import WHOLE, Order, Positives, Shard
from kseg.pipeline.source import ArraySpec, Source

if TYPE_CHECKING:
    import tensorflow as tf


def batches(
    source: Source,
    batch_size: int,
    *,
    seed: int = 0,
    start_step: int = 0,
    shuffle: bool = True,
    shard: Shard = WHOLE,
    positives: Positives | None = None,
    replicas: int = 1,
    repeat: bool = False,
    prefetch: int = 2,
    workers: int | None = None,
) -> "tf.data.Dataset":
    """(inputs, targets) of a source, batch by batch: endless when shuffling, one pass otherwise.

    Args:
      batch_size: examples of one *global* batch; `shard` = (index, count) is the part of it that is delivered here.
      seed, start_step: determine the stream: step k is the same whether the stream began at 0 or at k.
      positives: examples of which every global batch of a shuffled stream holds some.
      replicas: deliver this many neighboring shards, `shard[0]` first, one element each, as a `tf.distribute` strategy
        with several replicas in this process takes per step.
      repeat: without shuffling, begin again after a pass.
      prefetch: batches prepared ahead of their use.
      workers: batches prepared at the same time (default: one per core, at most 8).
    Errors of the source arrive as TensorFlow exceptions; iterate inside `kseg.pipeline.own_errors(source)`.
    """
    import tensorflow as tf

    # 1. the order of the images, and the arrays' types
    order = Order(len(source), batch_size, seed, shuffle, positives)
    signature = source.signature
    single = isinstance(signature.inputs, ArraySpec)
    count = len(signature.flat_inputs)
    specs = [*signature.flat_inputs, *signature.targets.values()]

    # 2. a step: its images as NumPy arrays, then as tensors
    def load(k: int) -> list[np.ndarray]:
        step, replica = divmod(int(k), replicas)
        epoch, indices = order.at(step, (shard[0] + replica, shard[1]))
        inputs, targets = source.checked_batch(indices, epoch)
        arrays = [_bits(a) for a in ([inputs] if isinstance(inputs, np.ndarray) else inputs)]
        return arrays + [targets[name] for name in signature.targets]

    def element(k: Any) -> tuple[Any, ...]:
        arrays = tf.numpy_function(load, [k], [_carrier(spec.dtype) for spec in specs])
        tensors = [_tensor(array, spec) for array, spec in zip(arrays, specs, strict=True)]
        targets = dict(zip(signature.targets, tensors[count:], strict=True))
        return tensors[0] if single else tuple(tensors[:count]), targets

    # 3. all steps from `start_step` on, in order
    first = start_step * replicas
    end = order.steps_per_epoch * replicas
    steps = tf.data.Dataset.counter(start=first) if shuffle else tf.data.Dataset.range(first, end)
    steps = steps.repeat() if repeat and not shuffle else steps
    workers = workers or min(os.cpu_count() or 1, 8)
    made = steps.map(element, num_parallel_calls=workers, deterministic=True)
    return made.prefetch(prefetch).with_options(_options())


def _options() -> "tf.data.Options":
    """The order is kept, nothing is divided once more, and nothing is tuned."""
    import tensorflow as tf

    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    # There is nothing to tune. The thread that tunes sleeps up to a minute and lets nobody delete the iterator
    # meanwhile (TensorFlow 2.21): a run of six minutes stood still for another one after its last epoch.
    options.autotune.enabled = False
    return options


def distributed_batches(strategy: Any, source: Source, batch_size: int, **options: Any) -> Any:
    """`batches` for `tf.distribute`: each global batch is divided among the replicas of all workers.

    `fit` takes the resulting distributed data set; TensorFlow's own splitting of batches and sharding of files are
    switched off.
    """
    count = strategy.num_replicas_in_sync
    if batch_size < count:
        raise UsageError(
            f"batch size {batch_size} is smaller than the {count} replicas that share it; raise --batch-size"
        )

    def per_worker(context: Any) -> "tf.data.Dataset":
        local = count // context.num_input_pipelines
        return batches(source, batch_size, shard=(context.input_pipeline_id * local, count), replicas=local, **options)

    return strategy.distribute_datasets_from_function(per_worker)


def _bits(array: np.ndarray) -> np.ndarray:
    """The bits of bfloat16 as uint16, since NumPy has no bfloat16 that `numpy_function` takes."""
    return array.view(np.uint16) if array.dtype.name == "bfloat16" else array


def _carrier(dtype: str) -> str:
    return "uint16" if dtype == "bfloat16" else dtype


def _tensor(array: Any, spec: ArraySpec) -> Any:
    import tensorflow as tf

    array.set_shape((None, *spec.shape))
    return tf.bitcast(array, tf.bfloat16) if spec.dtype == "bfloat16" else array
