"""Random flips with cached features: the features of every image and of its mirror image are computed once."""

from copy import copy
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from kseg.pipeline.features import FeatureSource, cached_features
from kseg.pipeline.image_source import ImageSource
from kseg.pipeline.source import Arrays, Batch, Signature, Source, TargetMaker
from kseg.pipeline.transforms import is_flipped
from kseg.structures import Structure


class Mirrored(ImageSource):
    """The images and truths of a source without transforms, mirrored left to right; files are read once for both."""

    def __init__(self, plain: ImageSource):
        super().__init__(plain.dataset, plain.records, plain.image_size, targets=plain.targets)
        self._plain = plain

    def image(self, index: int, *, keep: bool = True) -> np.ndarray:
        return np.ascontiguousarray(self._plain.image(index, keep=keep)[:, ::-1])

    def truth(self, index: int) -> Structure:
        return self._plain.truth(index).flipped()

    @property
    def fingerprint(self) -> str:
        return f"{super().fingerprint} mirrored"


class FlippedFeatures(Source):
    """The features of each example or of its mirror image, by the same random number that the transform `flip` uses."""

    def __init__(self, plain: FeatureSource, mirrored: FeatureSource, seed: int):
        self.plain, self.mirrored, self.seed = plain, mirrored, seed

    def __len__(self) -> int:
        return len(self.plain)

    @property
    def signature(self) -> Signature:
        return self.plain.signature

    def batch(self, indices: np.ndarray, epoch: int) -> Batch:
        flipped = self._flipped(indices, epoch)
        inputs, targets = self.plain.batch(indices, epoch)
        if flipped.any():
            mirrored_inputs, mirrored_targets = self.mirrored.batch(indices[flipped], epoch)
            for plain, mirrored in zip(_tuple(inputs), _tuple(mirrored_inputs), strict=True):
                plain[flipped] = mirrored
            for name, mirrored in mirrored_targets.items():
                targets[name][flipped] = mirrored
        return inputs, targets

    def with_targets(self, targets: TargetMaker) -> Self:
        other = copy(self)
        other.plain, other.mirrored = self.plain.with_targets(targets), self.mirrored.with_targets(targets)
        return other

    def _flipped(self, indices: np.ndarray, epoch: int) -> np.ndarray:
        return np.array([is_flipped(np.random.default_rng([self.seed, epoch, int(i)])) for i in indices])

    def __str__(self) -> str:
        return f"{self.plain}; mirrored: {self.mirrored}"


def flipped_features(extractor: keras.Model, source: ImageSource, cache_dir: Path, **options: Any) -> FlippedFeatures:
    """`cached_features` of a source whose only transform is `flip`: of its images and of their mirror images.

    Raises: as `cached_features`.
    """
    images = ImageSource(source.dataset, source.records, source.image_size, targets=source.targets)
    plain, mirrored = (cached_features(extractor, one, cache_dir, **options) for one in (images, Mirrored(images)))
    return FlippedFeatures(plain, mirrored, source.seed)


def _tuple(arrays: Arrays) -> tuple[np.ndarray, ...]:
    return arrays if isinstance(arrays, tuple) else (arrays,)
