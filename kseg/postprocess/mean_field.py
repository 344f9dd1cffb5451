"""Mean-field inference over all pairs of an image's pixels, with Gaussian kernels filtered on a lattice."""

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import Literal, Protocol

import numpy as np
from scipy.special import expit

from kseg.errors import UsageError

Engine = Literal["auto", "numba", "scipy"]
"""The filter: Numba's machine code, SciPy's sparse matrices, or Numba where it is installed."""

WORST_LOGIT = -1e4
"""Logit of channels that only fill a row: far below the logarithm of any float32, so their probability is 0."""

VECTOR = 8
"""float32 numbers in a processor's vector; rows of whole vectors are blurred a fifth faster."""


class Lattice(Protocol):
    """A linear filter over N points."""

    def filtered(self, values: np.ndarray) -> np.ndarray:
        """K v, float32 (N, C)."""

    def add_filtered(self, values: np.ndarray, before: np.ndarray, after: np.ndarray, out: np.ndarray) -> None:
        """out += after · K (before · v)."""


class NormalizedKernel:
    """K̂ = D^−½ K D^−½ with D = diag(K 1), the symmetric normalization of a Gaussian kernel on a lattice."""

    def __init__(self, lattice: Lattice, count: int):
        self._lattice = lattice
        degrees = lattice.filtered(np.ones((count, 1), np.float32))[:, 0]
        self._normalizer = (1 / np.sqrt(degrees + 1e-20)).astype(np.float32)

    def add(self, values: np.ndarray, weight: float, out: np.ndarray) -> None:
        """out += weight · K̂ v, float32 (N, C) in place."""
        self._lattice.add_filtered(values, self._normalizer, np.float32(weight) * self._normalizer, out)

    @cached_property
    def sums(self) -> np.ndarray:
        """K̂ 1, float32 (N, 1)."""
        out = np.zeros((len(self._normalizer), 1), np.float32)
        self.add(np.ones_like(out), 1.0, out)
        return out


class PixelKernels:
    """The Gaussian kernels over the pixels of one image; each is made once and used with any weight.

        k(i, j) = exp(−|p_i − p_j|² / 2σ_p²)   or   exp(−|p_i − p_j|² / 2σ_p² − |I_i − I_j|² / 2σ_c²)

    Args:
      image: uint8 (H, W, 3).
      taking_part: bool (H, W), the pixels that take part; None: all.
      engine: the filter.
    Errors: `UsageError` where `engine` is not installed.
    """

    def __init__(self, image: np.ndarray, *, taking_part: np.ndarray | None = None, engine: Engine = "auto"):
        self.engine = installed(engine)
        where = slice(None) if taking_part is None else taking_part.ravel()
        rows, columns = np.indices(image.shape[:2], np.float32)
        self._positions = np.stack([columns.ravel()[where], rows.ravel()[where]], axis=1)
        self._colors = image.reshape(-1, 3)[where].astype(np.float32)
        self._made: dict[tuple[float, float | None], NormalizedKernel] = {}

    def __len__(self) -> int:
        return len(self._positions)

    def __call__(self, position_sigma: float, color_sigma: float | None = None) -> NormalizedKernel:
        """The kernel of these standard deviations, in pixels and in levels of color; no color: position alone."""
        key = (position_sigma, color_sigma)
        if key not in self._made:
            features = self._positions / np.float32(position_sigma)
            if color_sigma is not None:
                features = np.concatenate([features, self._colors / np.float32(color_sigma)], axis=1)
            self._made[key] = NormalizedKernel(_lattice(features, self.engine), len(self))
        return self._made[key]


def installed(engine: Engine) -> Literal["numba", "scipy"]:
    """The engine that "auto" means here. Raises: UsageError for one that is unknown or not installed."""
    has_numba = find_spec("numba") is not None
    if engine == "auto":
        return "numba" if has_numba else "scipy"
    if engine not in ("numba", "scipy"):
        raise UsageError(f"the engine of a CRF is 'auto', 'numba' or 'scipy', received {engine!r}")
    if engine == "numba" and not has_numba:
        raise UsageError("the engine 'numba' is not installed; pip install 'kseg[crf]', or take 'auto'")
    return engine


def mean_field(
    logits: np.ndarray, kernels: Sequence[tuple[float, NormalizedKernel]], iterations: int, *, engine: Engine = "auto"
) -> np.ndarray:
    """Approximate marginals of a fully connected CRF with Potts compatibility.

        Q⁰ = softmax(−U)      Q ← softmax(−U + Σ_m w_m K̂_m Q)

    Args:
      logits: −U, finite float32 (N, C) for C classes, or (N, 1) for the logit of the second of two classes.
      kernels: w_m and K̂_m over the same N pixels.
      iterations: how often Q is replaced, all pixels at once.
    Returns:
      Q, float32 (N, C), or (N, 1), the probability of the second class.
    Source: Krähenbühl & Koltun 2011, "Efficient inference in fully connected CRFs with Gaussian edge potentials",
    algorithm 1. Deviations: a pixel sends its message to itself too, as in the authors' code.
    """
    if logits.shape[1] == 1:
        return _of_two_classes(logits, kernels, iterations)
    softmax_inplace = _softmax(installed(engine))
    classes = logits.shape[1]
    unary = np.full((len(logits), _row_length(classes)), WORST_LOGIT, np.float32)
    unary[:, :classes] = logits
    beliefs, next_beliefs = unary.copy(), np.empty_like(unary)
    softmax_inplace(beliefs)
    for _ in range(iterations):
        np.copyto(next_beliefs, unary)
        for weight, kernel in kernels:
            kernel.add(beliefs, weight, next_beliefs)
        softmax_inplace(next_beliefs)
        beliefs, next_beliefs = next_beliefs, beliefs
    return np.ascontiguousarray(beliefs[:, :classes])


def _of_two_classes(
    logits: np.ndarray, kernels: Sequence[tuple[float, NormalizedKernel]], iterations: int
) -> np.ndarray:
    """The difference of the two classes' logits, with Q_0 = 1 − Q_1: z = −ΔU + Σ w (2 K̂ Q_1 − K̂ 1), Q_1 = σ(z)."""
    unary = logits - sum(np.float32(weight) * kernel.sums for weight, kernel in kernels)
    beliefs = expit(logits)
    for _ in range(iterations):
        logit = unary.copy()
        for weight, kernel in kernels:
            kernel.add(beliefs, 2 * weight, logit)
        beliefs = expit(logit)
    return beliefs


def _row_length(classes: int) -> int:
    return classes if classes < VECTOR else -(-classes // VECTOR) * VECTOR


def _lattice(features: np.ndarray, engine: Literal["numba", "scipy"]) -> Lattice:
    if engine == "numba":
        from kseg.postprocess.permutohedral_compiled import CompiledPermutohedral

        return CompiledPermutohedral(features)
    from kseg.postprocess.permutohedral import Permutohedral

    return Permutohedral(features)


def _softmax(engine: Literal["numba", "scipy"]):
    if engine == "numba":
        from kseg.postprocess.permutohedral_compiled import softmax_inplace as compiled

        return compiled
    from kseg.postprocess.permutohedral import softmax_inplace

    return softmax_inplace
