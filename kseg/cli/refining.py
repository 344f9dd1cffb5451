"""The flags of `kseg predict` and `kseg evaluate` for what is done around a trained network: several scales, a CRF."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kseg.conventions import DEFAULT_TASK
from kseg.errors import UsageError

if TYPE_CHECKING:
    import keras

    from kseg.postprocess import CrfParameters, Refiner


@dataclass(frozen=True)
class Refining:
    """Around the network."""

    scales: tuple[float, ...] = ()
    """show the network each image at these scales too, 1 among them, such as 0.5 0.75 1; the largest score counts"""
    crf: bool = False
    """sharpen the probabilities along the image's edges with a dense CRF, at the image's own size"""
    crf_parameters: tuple[str, ...] = ()
    """of the CRF: a name (deeplab_v2_resnet101, deeplab_v2_vgg16, deeplab_v1_largefov), keys such as w1=3 sigma1=1 w2=4
    sigma_alpha=67 sigma_beta=3 iterations=10, or a name and what is changed of it"""

    def __post_init__(self):
        if self.scales:
            from kseg.models.scales import check_scales

            check_scales(self.scales)
        if self.crf_parameters and not self.crf:
            raise UsageError(f"--crf-parameters {' '.join(self.crf_parameters)} means nothing without --crf; add it")
        if self.crf_parameters:
            self.parameters()  # refuses a wrong one before anything is read

    def around(self, model: "keras.Model") -> "keras.Model":
        """The model as it is asked for: at several scales, or as it is."""
        if not self.scales:
            return model
        from kseg.models.scales import with_scales

        return with_scales(model, self.scales)

    def check_means_something(self, task: str) -> None:
        """Raises UsageError where scores of a pixel's classes are to be refined and the model gives none."""
        if self != Refining() and task != DEFAULT_TASK:
            flag, does = ("--crf", "refines the probabilities") if self.crf else ("--scales", "compares the scores")
            raise UsageError(f"{flag} {does} of a pixel's classes; the model answers the task {task!r}: leave it out")

    def parameters(self) -> "CrfParameters":
        from kseg.postprocess import crf_parameters

        return crf_parameters(self.crf_parameters)

    def refine(self) -> "Refiner | None":
        """What `predict_probabilities` and `evaluate` take; None: nothing is to be done."""
        if not self.crf:
            return None
        from kseg.postprocess import crf_refiner

        return crf_refiner(self.parameters())

    def parts(self) -> list[str]:
        """What tells the folder of an evaluation from that of another: equal parameters share it, however written."""
        scales = ["scales", *(f"{scale:g}" for scale in sorted(self.scales))] if self.scales else []
        if not self.crf:
            return scales
        from kseg.postprocess import CrfParameters

        usual = str(CrfParameters()).split()
        return [*scales, "crf", *(word for word in str(self.parameters()).split() if word not in usual)]

    def in_words(self) -> str:
        """What is done, for a person; nothing where nothing is."""
        scales = [f"scales {' '.join(f'{scale:g}' for scale in sorted(self.scales))}"] if self.scales else []
        return "; ".join([*scales, *([f"dense CRF, {self.parameters()}"] if self.crf else [])])
