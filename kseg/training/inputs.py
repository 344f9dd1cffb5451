"""What `fit` is fed with: images through the whole network, or cached features through its trainable part."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kseg.datasets import Dataset, Record
from kseg.datasets.class_statistics import class_statistics
from kseg.datasets.locate import cache_dir
from kseg.pipeline import ImageSource, Order, Positives, Source, TargetMaker, batches, distributed_batches
from kseg.pipeline.arrays import BatchSequence
from kseg.pipeline.centered import CenteredTargets
from kseg.pipeline.features import CachePlan, cached_features
from kseg.pipeline.frozen import Split, split_frozen
from kseg.pipeline.maps import PixelWeights, balancing_weights
from kseg.pipeline.mirrored import flipped_features
from kseg.pipeline.padded import Padded
from kseg.structures import Structure
from kseg.training.config import TrainConfig
from kseg.training.graded import with_graded_scores
from kseg.training.network import task_of, unscored_margin
from kseg.training.trained import Trained

FOREGROUND = 1

SHOWN = 4
"""Validation images painted in TensorBoard."""


@dataclass
class Inputs:
    """The model that `fit` trains and its batches; `trained` shares the layers of the whole network."""

    trained: Trained
    train: Source
    validation_source: Source
    validation_images: ImageSource
    batch_size: int
    validation_batch_size: int
    steps_per_epoch: int
    seed: int
    positives: Positives | None
    strategy: Any
    extractor: keras.Model | None
    """the frozen front of the network, where its features are cached"""
    make_targets: Callable[..., TargetMaker]
    """takes the targets that a loss `reads`, and whether to `remember` those that come again"""
    remember_targets: bool
    """whether truths come again in training, because only a flip is random"""
    margin: int
    """pixels on each side of a training image without scores"""
    note: str
    """whether features are cached, or why not, for the person watching"""

    def for_loss(self, reads: tuple[str, ...]) -> "Inputs":
        """The same with the targets that a loss reads beside those of every loss."""
        return replace(
            self,
            train=self.train.with_targets(self.make_targets(reads=reads, remember=self.remember_targets)),
            validation_source=self.validation_source.with_targets(self.make_targets(reads=reads, remember=True)),
        )

    @property
    def sources(self) -> tuple[Source, ...]:
        return self.train, self.validation_source, self.validation_images

    def training_batches(self, start_epoch: int) -> Any:
        """An endless stream in the run's order, from this epoch on."""
        start = start_epoch * self.steps_per_epoch
        return self._batches(self.train, self.batch_size, seed=self.seed, start_step=start, positives=self.positives)

    def validation(self) -> dict[str, Any]:
        """The arguments of `fit` for one pass over the validation images."""
        size = self.validation_batch_size
        if self.strategy is None:
            return {"validation_data": self._batches(self.validation_source, size, shuffle=False)}
        # Keras does not know the length of a distributed data set and may take a batch of it beforehand. An endless
        # round with a count of steps is one pass wherever it begins.
        steps = Order(len(self.validation_source), size, shuffle=False).steps_per_epoch
        batches = self._batches(self.validation_source, size, shuffle=False, repeat=True)
        return {"validation_data": batches, "validation_steps": steps}

    def _batches(self, source: Source, size: int, **options: Any) -> Any:
        if self.strategy is not None:
            return distributed_batches(self.strategy, source, size, **options)
        if keras.backend.backend() != "tensorflow":
            return BatchSequence(source, size, **options)
        return batches(source, size, **options)

    def batches_in_order(self, dataset: Dataset, records: Sequence[Record]) -> Iterator[tuple[Any, int]]:
        """The inputs of `trained` for these records, from the cache where there is one: (batch, images that count).

        All batches have one size, so that the network is traced once; the last repeats images that do not count.
        """
        images = whole_images(dataset, records, self.validation_images.image_size, targets=self.make_targets())
        cached = self.extractor is not None
        source: Source = cached_features(self.extractor, images, feature_folder()) if cached else images
        order = Order(len(source), self.batch_size, shuffle=False)
        for step in range(order.steps_per_epoch):
            indices = order.at(step)[1]
            full = np.resize(indices, min(self.batch_size, len(source)))
            yield source.batch(full, 0)[0], len(indices)

    def shown_examples(self) -> tuple[Any, np.ndarray, list[Structure]]:
        """(network inputs, RGB images, truths) of the first validation images; the last two without `margin`."""
        indices = np.arange(min(SHOWN, len(self.validation_source)))
        inputs, _ = self.validation_source.batch(indices, 0)
        truths = [self.validation_images.truth(int(index)) for index in indices]
        images = self.validation_images.image_batch(indices)
        height, width = images.shape[1:3]
        top, left, bottom, right = self.margin, self.margin, height - self.margin, width - self.margin
        scored = [truth.cropped((top, left, bottom, right)) for truth in truths]
        return inputs, images[:, top:bottom, left:right], scored


def open_inputs(
    config: TrainConfig, dataset: Dataset, splits: Mapping[str, Sequence[Record]], network: keras.Model, strategy: Any
) -> Inputs:
    """Image sources of the splits, behind the frozen-feature cache where flag and network allow it."""
    # 1. images and targets
    options, size = config.training, config.model.image_size
    assert options.batch_size is not None  # resolved
    transforms = config.augment.transforms()
    weights = _pixel_weights(config, dataset, splits["train"])
    of_whole = partial(task_of(config).targets, len(dataset.classes), things=dataset.things, weights=weights)
    margin = unscored_margin(config, network)
    make_targets = partial(centered_targets, of_whole, margin) if margin else of_whole
    train = ImageSource(dataset, splits["train"], size, transforms, seed=options.seed, targets=make_targets())
    validation = whole_images(dataset, splits["validation"], size, targets=make_targets())
    # 2. the outputs that the loss takes, behind cached features where possible
    whole, graded = with_graded_scores(network, loss_stride=config.loss.loss_stride)
    split, sources, note = _behind_cache(config, whole, train, validation)
    # 3. batches
    return Inputs(
        trained=Trained(
            whole if split is None else split.head,
            graded=graded,
            keeps_outputs=task_of(config).measured_whole and strategy is None,
            several_workers=options.distribute == "multiworker",
        ),  # fmt: skip
        train=sources[0],
        validation_source=sources[1],
        validation_images=validation,
        batch_size=options.batch_size,
        validation_batch_size=validation_batch(options.batch_size, config.augment.crop, validation),
        steps_per_epoch=options.steps_per_epoch or Order(len(train), options.batch_size).steps_per_epoch,
        seed=options.seed,
        positives=positives_of(dataset, splits["train"], options.positives_per_batch or 0),
        strategy=strategy,
        extractor=None if split is None else split.extractor,
        make_targets=make_targets,
        remember_targets=config.augment.cacheable,
        margin=margin,
        note=note,
    )


def whole_images(
    dataset: Dataset, records: Sequence[Record], size: tuple[int, int] | None, **options: Any
) -> ImageSource:
    """Images resized to `size`, or with None as they are, padded to the largest."""
    return Padded(dataset, records, **options) if size is None else ImageSource(dataset, records, size, **options)


def validation_batch(batch_size: int, crop: tuple[int, int] | None, validation: ImageSource) -> int:
    """Images in a batch of validation: as many as in training, or as many pixels where images are not resized."""
    if not isinstance(validation, Padded) or crop is None:
        return batch_size
    return max(1, batch_size * crop[0] * crop[1] // (validation.size[0] * validation.size[1]))


def centered_targets(make_targets: Callable[..., TargetMaker], margin: int, **options: Any) -> TargetMaker:
    """The targets of `make_targets`, without `margin` pixels on each side."""
    return CenteredTargets(make_targets(**options), margin)


def positives_of(dataset: Dataset, records: Sequence[Record], per_batch: int) -> Positives | None:
    """The images that show the foreground, of which every batch gets `per_batch`; None for 0.

    An image counts by its label map at its own size: augmentation or the training size may lose a small object.
    """
    if not per_batch:
        return None
    shown = np.flatnonzero(dataset.label_counts(records)[:, FOREGROUND])
    return Positives(frozenset(shown.tolist()), per_batch)


def _pixel_weights(config: TrainConfig, dataset: Dataset, records: Sequence[Record]) -> PixelWeights | None:
    options = config.loss
    if options.pixel_weights == "none":
        return None
    border = options.border_weight if options.pixel_weights == "border" else 0.0
    classes = balancing_weights(class_statistics(dataset, records).pixels)
    return PixelWeights(classes, border=border, sigma=options.border_sigma)


def _behind_cache(
    config: TrainConfig, network: keras.Model, *images: ImageSource
) -> tuple[Split | None, Sequence[Source], str]:
    split = split_frozen(network)
    plan = CachePlan(config.training.cache_features, feature_folder())
    use, reason = plan.verdict(split, images)
    if not use or split is None:
        return None, images, f"not cached: {reason}" if split is not None else ""
    stored = [
        (flipped_features if source.transforms else cached_features)(split.extractor, source, plan.cache_dir)
        for source in images
    ]
    return split, stored, "; ".join(map(str, stored))


def feature_folder() -> Path:
    return cache_dir() / "features"
