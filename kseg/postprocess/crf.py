"""Dense CRF: sharpens a network's probabilities along the edges of the image (Krähenbühl & Koltun 2011, DeepLab)."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from scipy.special import logit

from kseg.errors import UsageError, unknown_name
from kseg.postprocess.mean_field import Engine, PixelKernels, mean_field
from kseg.ranges import NOT_NEGATIVE, POSITIVE, Range, check_ranges

ROUNDING = 1e-3
"""Resizing may leave a probability this far outside of [0, 1]; it then counts as 0 or 1."""

SMALLEST = float(np.finfo(np.float32).tiny)
"""A smaller probability counts as this, so that the neighbors of a pixel can outvote a network's 0."""

Refiner = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(image, probabilities) to probabilities of the same shape."""


@dataclass(frozen=True)
class CrfParameters:
    """w1·exp(−|Δp|²/2σ1²) + w2·exp(−|Δp|²/2σα² − |ΔI|²/2σβ²), and how often messages are passed."""

    w1: Annotated[float, NOT_NEGATIVE] = 3.0
    """weight of the spatial kernel; 0 leaves it out"""
    sigma1: Annotated[float, POSITIVE] = 1.0
    """its standard deviation in pixels"""
    w2: Annotated[float, NOT_NEGATIVE] = 4.0
    """weight of the bilateral kernel; 0 leaves it out"""
    sigma_alpha: Annotated[float, POSITIVE] = 67.0
    """its standard deviation in pixels"""
    sigma_beta: Annotated[float, POSITIVE] = 3.0
    """its standard deviation in levels of color, of 255"""
    iterations: Annotated[int, Range(least=1, most=1000)] = 10

    def __post_init__(self):
        try:
            check_ranges(self)
        except UsageError as error:
            raise UsageError(f"CRF parameters: {str(error).removeprefix('--').replace('sigma-', 'sigma_')}") from None

    def __str__(self) -> str:
        return " ".join(f"{field.name}={getattr(self, field.name):g}" for field in dataclasses.fields(self))


CRF_PARAMETERS = {
    "deeplab_v2_resnet101": CrfParameters(w1=3, sigma1=1, w2=4, sigma_alpha=67, sigma_beta=3),
    "deeplab_v2_vgg16": CrfParameters(w1=2, sigma1=2, w2=4, sigma_alpha=65, sigma_beta=3),
    "deeplab_v1_largefov": CrfParameters(w1=3, sigma1=3, w2=4, sigma_alpha=49, sigma_beta=5),
}
"""Parameters of three DeepLab versions on PASCAL VOC. The first are the authors', the others third parties' records."""


def crf_parameters(words: Sequence[str]) -> CrfParameters:
    """Parameters from words: a name, `key=value` one by one, or a name and some keys to change.

    Raises:
      UsageError: an unknown name or key, a value that is no number or out of range.

    >>> print(crf_parameters(["deeplab_v1_largefov", "iterations=5"]))
    w1=3 sigma1=3 w2=4 sigma_alpha=49 sigma_beta=5 iterations=5
    """
    parameters = CrfParameters()
    keys = [field.name for field in dataclasses.fields(CrfParameters)]
    changed: dict[str, float] = {}
    for position, word in enumerate(words):
        key, equals, value = word.partition("=")
        if not equals:
            if key not in CRF_PARAMETERS:
                raise unknown_name("CRF parameters", key, [*CRF_PARAMETERS, *(f"{name}=…" for name in keys)])
            if position:
                raise UsageError(f"CRF parameters have one name, which stands first, received {' '.join(words)}")
            parameters = CRF_PARAMETERS[key]
            continue
        if key not in keys:
            raise unknown_name("CRF parameter", key, keys)
        if key in changed:
            raise UsageError(f"the CRF parameter {key} is given twice in {' '.join(words)}; leave one out")
        whole = key == "iterations"
        try:
            changed[key] = int(value) if whole else float(value)
        except ValueError:
            kind = "a whole number" if whole else "a number"
            raise UsageError(f"the CRF parameter {key} is {value!r}; it must be {kind}, as in {key}=3") from None
    return dataclasses.replace(parameters, **changed)  # type: ignore[arg-type]


def dense_crf(
    image: np.ndarray,
    probabilities: np.ndarray,
    parameters: CrfParameters | None = None,
    *,
    void: np.ndarray | None = None,
    engine: Engine = "auto",
    kernels: PixelKernels | None = None,
) -> np.ndarray:
    """Probabilities after mean-field inference in a CRF that connects every pixel with every other.

        E(x) = Σ_i −log p_i(x_i) + Σ_{i<j} [x_i ≠ x_j] k(i, j)
        k(i, j) = w1·exp(−|Δp|²/2σ1²) + w2·exp(−|Δp|²/2σα² − |ΔI|²/2σβ²), each kernel normalized symmetrically

    where p_i are the network's probabilities of pixel i, Δp is in pixels and ΔI in levels of color.

    Args:
      image: uint8 (H, W, 3), RGB.
      probabilities: (H, W, C) in [0, 1]; C = 1 is binary foreground, and background has 1 − p. The probabilities of a
        pixel need not sum to 1.
      parameters: None: those of DeepLab v2 on ResNet-101.
      void: bool (H, W); these pixels send no message and keep their probabilities. None: no pixel is void.
      engine: "numba" (extra `crf`), "scipy" (about half as fast), or "auto", Numba where it is installed.
      kernels: of the same image and void pixels, made once to try several parameters.
    Returns:
      float32 (H, W, C), which sum to 1 for C > 1. Memory: about 12·C + 130 bytes a pixel.
    Errors: UsageError for other sizes, types or values than these; NaN is refused too.
    Source: Krähenbühl & Koltun 2011; kernels and their parameters: Chen et al. 2018 (DeepLab), eq. 3. Deviations: the
    kernels are filtered on a permutohedral lattice, an approximation that both papers make too.

    >>> image = np.zeros((4, 4, 3), np.uint8)
    >>> image[:, 2:] = 255                       # black on the left, white on the right
    >>> p = np.full((4, 4, 1), 0.2); p[:, 2:] = 0.8; p[1, 3] = 0.3
    >>> (dense_crf(image, p, engine="scipy")[..., 0] > 0.5).astype(int).tolist()[1]
    [0, 0, 1, 1]
    """
    parameters = parameters or CrfParameters()
    _check(image, probabilities, void)
    shape = probabilities.shape
    taking_part = None if void is None else ~np.asarray(void, bool)
    if not probabilities.size or (taking_part is not None and not taking_part.any()):
        return np.asarray(probabilities, np.float32)

    # 1. −U of the pixels that take part
    chosen = probabilities.reshape(-1, shape[-1])[slice(None) if taking_part is None else taking_part.ravel()]
    unary = unary_term(chosen)

    # 2. kernels of nonzero weight
    kernels = kernels or PixelKernels(image, taking_part=taking_part, engine=engine)
    weighted = [(parameters.w1, kernels(parameters.sigma1))] if parameters.w1 else []
    if parameters.w2:
        weighted.append((parameters.w2, kernels(parameters.sigma_alpha, parameters.sigma_beta)))

    # 3. messages
    refined = mean_field(unary, weighted, parameters.iterations, engine=kernels.engine)
    if taking_part is None:
        return refined.reshape(shape)
    whole = np.array(probabilities, np.float32)
    whole[taking_part] = refined
    return whole


def unary_term(probabilities: np.ndarray) -> np.ndarray:
    """float32 (N, C) from (N, C): logarithms of probabilities, or for C = 1 the logit of the single one."""
    if probabilities.shape[-1] > 1:
        return np.log(np.clip(probabilities, SMALLEST, 1, dtype=np.float32))
    bound = -np.float32(np.log(SMALLEST))
    return np.clip(logit(np.clip(probabilities, 0, 1, dtype=np.float32)), -bound, bound)


def crf_refiner(parameters: CrfParameters | None = None, *, engine: Engine = "auto") -> Refiner:
    """`dense_crf` as a function of image and probabilities alone, for `kseg.inference`."""
    return lambda image, probabilities: dense_crf(image, probabilities, parameters, engine=engine)


def _check(image: np.ndarray, probabilities: np.ndarray, void: np.ndarray | None) -> None:
    if getattr(image, "dtype", None) != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise UsageError(f"the image of a CRF is uint8 (H, W, 3), RGB, received {what}")
    if not isinstance(probabilities, np.ndarray) or probabilities.ndim != 3 or not probabilities.shape[-1]:
        what = str(probabilities.shape) if isinstance(probabilities, np.ndarray) else type(probabilities).__name__
        raise UsageError(f"the probabilities of a CRF are an array (H, W, C) of one image, received {what}")
    if image.shape[:2] != probabilities.shape[:2]:
        (height, width), (h, w) = image.shape[:2], probabilities.shape[:2]
        raise UsageError(
            f"the image has {height}×{width} pixels and the probabilities {h}×{w}; resize the probabilities to the "
            "image first (kseg.datasets.images.resize_probabilities)"
        )
    if void is not None and np.shape(void) != image.shape[:2]:
        raise UsageError(f"void has the shape {np.shape(void)} and the image {image.shape[:2]}; mark each pixel")
    if not probabilities.size:
        return
    lowest, highest = float(probabilities.min()), float(probabilities.max())
    if np.isnan(lowest) or np.isnan(highest):
        raise UsageError("the probabilities hold nan, which a CRF cannot refine; check the network that gave them")
    if lowest < -ROUNDING or highest > 1 + ROUNDING:
        raise UsageError(
            f"the probabilities lie between {lowest:.3g} and {highest:.3g}, outside of [0, 1]; "
            "if they are logits, take their sigmoid or softmax"
        )
