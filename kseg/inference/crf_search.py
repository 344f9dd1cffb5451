"""The parameters of a dense CRF behind a network, searched on images whose truth is known, as DeepLab does it."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from kseg.errors import UsageError
from kseg.inference.axes import Axes, finer
from kseg.metrics.confusion import confusion_matrix
from kseg.metrics.intervals import Interval, bootstrap_score
from kseg.metrics.scores import iou_dataset
from kseg.postprocess import CrfParameters, dense_crf
from kseg.postprocess.mean_field import PixelKernels
from kseg.structures import LabelMap
from kseg.tasks.semantic.decoding import predicted_labels

Example = tuple[np.ndarray, np.ndarray, LabelMap]
"""Image, probabilities at its size, truth."""


@dataclass(frozen=True)
class Found:
    """The result of a search."""

    best: CrfParameters
    before: Interval
    """IoU without a CRF: of the foreground, or the mean over classes"""
    after: Interval
    """IoU with the best parameters"""
    change: Interval
    """of the IoU, over the same draws of images; optimistic, because these images chose the parameters"""
    tried: Mapping[CrfParameters, float]
    """the IoU of every setting that was tried"""


def search(
    examples: Callable[[], Iterable[Example]],
    axes: Axes,
    *,
    num_classes: int,
    iterations: int = 10,
    rounds: int = 2,
    refine: Callable[..., np.ndarray] = dense_crf,
) -> Found:
    """The parameters with the largest IoU: every combination of `axes`, then finer ones around the best so far.

    Each further round tries, for every parameter with several values, the best value and the midpoints between it and
    its neighbors. Among equals the first wins.

    Args:
      examples: called in each round for the images.
      axes: every field of `CrfParameters` but `iterations`.
      rounds: 1 or more.
      refine: (image, probabilities, parameters, void=, kernels=) to probabilities.
    Raises: UsageError for values out of range, and where no pixel has a truth.
    Source: Chen et al. 2018 (DeepLab), section 4.1: w2 3…6, σα 30…100, σβ 3…6, coarse to fine on 100 images.
    Deviations: the paper does not say how fine; here each step is half of the one before.
    """
    matrices: dict[CrfParameters | None, np.ndarray] = {}
    current = {name: sorted({float(value) for value in values}) for name, values in axes.items()}
    for _ in range(rounds):
        settings = [
            CrfParameters(**dict(zip(current, values, strict=True)), iterations=iterations)
            for values in itertools.product(*current.values())
        ]
        new: dict[CrfParameters | None, list[np.ndarray]] = {one: [] for one in settings if one not in matrices}
        if None not in matrices:
            new[None] = []
        for example in examples():
            _count(example, new, num_classes, refine)
        matrices |= {one: np.stack(counts) for one, counts in new.items()}
        if not matrices[None].any():
            raise UsageError("no pixel of these images has a truth, so parameters cannot be compared; use others")
        best = max((one for one in matrices if one is not None), key=lambda one: _iou(matrices[one]))
        current = finer(current, best)
    pairs = np.concatenate([matrices[None], matrices[best]], axis=1)
    return Found(
        best,
        bootstrap_score(matrices[None], iou_dataset),
        bootstrap_score(matrices[best], iou_dataset),
        bootstrap_score(pairs, lambda m: iou_dataset(m[..., num_classes:, :]) - iou_dataset(m[..., :num_classes, :])),
        {one: _iou(counts) for one, counts in matrices.items() if one is not None},
    )


def _count(
    example: Example,
    counts: dict[CrfParameters | None, list[np.ndarray]],
    num_classes: int,
    refine: Callable[..., np.ndarray],
) -> None:
    """Append an image's confusion matrix for each of the parameters; those of the same kernels share them."""
    image, probabilities, truth = example
    kernels, shared = None, None
    for parameters in sorted(counts, key=_sigmas):
        refined = probabilities
        if parameters is not None:
            if shared != _sigmas(parameters):
                kernels, shared = PixelKernels(image), _sigmas(parameters)
            refined = refine(image, probabilities, parameters, kernels=kernels)
        counts[parameters].append(confusion_matrix(truth.ids, predicted_labels(refined), num_classes))


def _sigmas(parameters: CrfParameters | None) -> tuple[float, ...]:
    return () if parameters is None else (parameters.sigma1, parameters.sigma_alpha, parameters.sigma_beta)


def _iou(matrices: np.ndarray) -> float:
    return float(iou_dataset(matrices.sum(axis=0)))
