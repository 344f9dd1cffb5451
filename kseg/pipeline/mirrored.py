"""Random flips on cached features: an image has two forms then, and a frozen front sees each of them once."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from kseg.pipeline.features import FeatureSource, cached_features
from kseg.pipeline.source import Arrays, Batch, ImageSource, Signature, Source
from kseg.pipeline.transforms import is_flipped


class Mirrored(ImageSource):
    """The images and labels of a source, mirrored left to right."""

    def image(self, index: int, *, keep: bool = True) -> np.ndarray:
        return np.ascontiguousarray(super().image(index, keep=keep)[:, ::-1])

    def label(self, index: int) -> np.ndarray:
        return np.ascontiguousarray(super().label(index)[:, ::-1])

    @property
    def fingerprint(self) -> str:
        return f"{super().fingerprint} mirrored"


class FlippedFeatures(Source):
    """Each example's features as it is or mirrored, by the coin that the transform `flip` would have tossed."""

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

    def images(self, inputs: Arrays, indices: np.ndarray, epoch: int) -> np.ndarray:
        images, flipped = self.plain.images(inputs, indices, epoch), self._flipped(indices, epoch)
        images[flipped] = images[flipped, :, ::-1]
        return images

    def _flipped(self, indices: np.ndarray, epoch: int) -> np.ndarray:
        return np.array([is_flipped(np.random.default_rng([self.seed, epoch, int(i)])) for i in indices])

    def __str__(self) -> str:
        return f"{self.plain}; mirrored: {self.mirrored}"


def flipped_features(extractor: keras.Model, source: ImageSource, cache_dir: Path, **options: Any) -> FlippedFeatures:
    """`cached_features` of a source whose only transform is `flip`: of its images and of their mirror images.

    Raises: as `cached_features`.
    """
    plain, mirrored = (
        cached_features(extractor, kind(source.dataset, source.records, source.image_size), cache_dir, **options)
        for kind in (ImageSource, Mirrored)
    )
    return FlippedFeatures(plain, mirrored, source.seed)


def _tuple(arrays: Arrays) -> tuple[np.ndarray, ...]:
    return arrays if isinstance(arrays, tuple) else (arrays,)
