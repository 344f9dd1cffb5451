"""Images per second of the input pipeline alone: decoding, decoded images kept in memory, and cached features.

    python benchmarks/input_pipeline.py
    python benchmarks/input_pipeline.py --dataset lfw --data-dir DIR --limit 500

Each line is one epoch through `tf.data` at the given size, without any network behind it. The feature line reads
random features of `--feature-mb` per image (the size of a frozen MobileNetV2's at 224×224 in bfloat16) from a
temporary folder.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from kseg.datasets import data_options, open_dataset
from kseg.pipeline import Augmentation, ImageSource, Order, Source, batches
from kseg.pipeline.feature_files import FeatureWriter
from kseg.pipeline.features import FeatureSource
from kseg.pipeline.stored_features import hold


@dataclass(frozen=True)
class Options:
    """Measure the input pipeline alone."""

    dataset: str = "synthetic"
    """name of a data set"""
    data_dir: Path | None = None
    """where its files lie"""
    split: str = "train"
    """train, validation or test"""
    limit: int | None = 300
    """images to use"""
    image_size: tuple[int, int] = (224, 224)
    """height and width that the network would see"""
    batch_size: int = 16
    """images per batch"""
    feature_mb: float = 1.6
    """size of one image's features, in MB"""


def epoch(source: Source, batch_size: int) -> tuple[float, float]:
    """(images per second, MB per second) of one epoch."""
    steps = Order(len(source), batch_size).steps_per_epoch
    count = size = 0
    start = time.perf_counter()
    for inputs, targets in batches(source, batch_size, seed=0).take(steps):
        count += len(targets["label"])
        tensors = inputs if isinstance(inputs, tuple) else (inputs,)
        size += sum(int(np.prod(t.shape)) * t.dtype.size for t in tensors)
    seconds = time.perf_counter() - start
    return count / seconds, size / seconds / 1e6


def stored_features(folder: Path, images: ImageSource, megabytes: float) -> FeatureSource:
    """Random features in the layout of the cache."""
    shape = (28, 28, round(megabytes * 1e6 / 2 / 28 / 28))
    bits = np.random.default_rng(0).integers(0, 2**14, (1, *shape), dtype=np.uint16)
    specs = [{"shape": list(shape), "dtype": "float16"}]
    with FeatureWriter(folder / "features", len(images), specs, dataset=images.dataset.name) as writer:
        for _ in range(len(images)):
            writer.append([bits.view(np.float16)])
    held = hold(folder / "features")
    assert held is not None
    return FeatureSource(folder / "features", images, held, reused=True, seconds=0.0)


def main(options: Options) -> None:
    dataset = open_dataset(data_options(options.dataset, options.data_dir, limit=options.limit))
    records = dataset.records(options.split)
    size = options.image_size
    print(f"{options.dataset}, {len(records)} images at {size[0]}×{size[1]}, batches of {options.batch_size}")
    warm_up = ImageSource(dataset, records[: options.batch_size], size)
    epoch(warm_up, options.batch_size)  # TensorFlow's start does not count
    source = ImageSource(dataset, records, size, memory="on")
    augmentation = Augmentation(flip=True, scale=(0.75, 1.5), color=0.3)
    augmented = ImageSource(dataset, records, size, augmentation.transforms(), memory="on")
    for index in range(len(records)):
        augmented.image(index), augmented.truth(index)
    with tempfile.TemporaryDirectory() as folder:
        rows = {
            "first epoch (decode)": source,
            "next epoch (memory)": source,
            "augmented (memory)": augmented,
            "cached features": stored_features(Path(folder), source, options.feature_mb),
        }
        for name, row in rows.items():
            images, megabytes = epoch(row, options.batch_size)
            print(f"{name:22} {images:9.0f} images/s {megabytes:9.0f} MB/s")


if __name__ == "__main__":
    main(tyro.cli(Options))
