"""The flags of `kseg predict` and `kseg evaluate` for refinements around a trained network: tiles, scales, a CRF."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from kseg.conventions import DEFAULT_TASK
from kseg.errors import UsageError
from kseg.ranges import Range

if TYPE_CHECKING:
    import keras

    from kseg.inference import ModelCard
    from kseg.inference.augmented import Augmented
    from kseg.inference.predict import ImageSize
    from kseg.postprocess import CrfParameters, Refiner, Tiling


@dataclass(frozen=True)
class Refining:
    """Around the network."""

    tiles: Annotated[int | None, Range(least=64, most=16_384)] = None
    """show the network each image as it is, but in square tiles of so many pixels, such as 512: for images that are
    larger than memory"""
    overlap: Annotated[int | None, Range(least=0, most=16_384)] = None
    """pixels that neighboring tiles share (unset: a quarter of a tile, or what the network needs)"""
    blend: Literal["linear", "gaussian", "none"] = "linear"
    """how tiles are joined where they overlap: linear, gaussian, or none, which takes each pixel from the nearest"""
    tta: tuple[str, ...] = ()
    """test-time augmentation: show the network each image mirrored (flips), at three sizes (scales) or turned by
    quarters (turns) too, such as flips,scales; the mean of the probabilities counts"""
    scales: tuple[float, ...] = ()
    """show the network each image at these scales too, 1 among them, such as 0.5 0.75 1; the largest score counts"""
    crf: bool = False
    """sharpen the probabilities along the image's edges with a dense CRF, at the image's own size"""
    crf_parameters: tuple[str, ...] = ()
    """of the CRF: a name (deeplab_v2_resnet101, deeplab_v2_vgg16, deeplab_v1_largefov), keys such as w1=3 sigma1=1 w2=4
    sigma_alpha=67 sigma_beta=3 iterations=10, or a name and the keys to change"""

    def __post_init__(self):
        for flag, given in (("--overlap", self.overlap is not None), ("--blend", self.blend != "linear")):
            if given and self.tiles is None:
                raise UsageError(f"{flag} means nothing without --tiles; add it")
        if self.tta:
            self.augmented()  # refuses a wrong name before anything is read
        if self.scales and "scales" in ",".join(self.tta).split(","):
            raise UsageError(
                "--scales takes the largest score and --tta scales the mean of several sizes; leave one out"
            )
        if self.scales:
            from kseg.models.scales import check_scales

            check_scales(self.scales)
        if self.crf_parameters and not self.crf:
            raise UsageError(f"--crf-parameters {' '.join(self.crf_parameters)} means nothing without --crf; add it")
        if self.crf_parameters:
            self.parameters()  # refuses a wrong key before anything is read

    def around(self, model: "keras.Model") -> "keras.Model":
        """The model at several scales, or as it is."""
        if not self.scales:
            return model
        from kseg.models.scales import with_scales

        return with_scales(model, self.scales)

    def check_means_something(self, task: str) -> None:
        """Raises UsageError where a flag needs scores of a pixel's classes and the model gives other answers."""
        if self == Refining() or task == DEFAULT_TASK:
            return
        for flag, does, given in (
            ("--crf", "refines the probabilities", self.crf),
            ("--scales", "compares the scores", self.scales),
            ("--tiles", "blends the probabilities", self.tiles),
            ("--tta", "takes the mean of the probabilities", self.tta),
        ):
            if given:
                raise UsageError(
                    f"{flag} {does} of a pixel's classes; the model answers the task {task!r}: leave it out"
                )

    def fed(
        self, card: "ModelCard", image_size: tuple[int, int] | None, input_size: Literal["trained", "original"] | None
    ) -> "ImageSize":
        """The size that the network is fed; tiles are cut from images as they are."""
        from kseg.inference.predict import ORIGINAL, fed_size

        if self.tiles is None:
            return fed_size(card, image_size, input_size)
        if image_size is not None or input_size == "trained":
            flag = "--input-size trained" if image_size is None else f"--image-size {image_size[0]} {image_size[1]}"
            raise UsageError(
                f"--tiles {self.tiles} shows the network images as they are, not resized; leave {flag} out"
            )
        return ORIGINAL

    def tiling(self, models: "Sequence[keras.Model]") -> "Tiling | None":
        """Tiles that suit all of the models, given as they were loaded; None: images as a whole."""
        if self.tiles is None:
            return None
        from kseg.inference.tiled import tiling_for

        each = [
            tiling_for(model, self.tiles, overlap=self.overlap, blend=self.blend, scales=self.scales)
            for model in models
        ]
        return max(each, key=lambda tiling: tiling.overlap)

    def augmented(self) -> "Augmented":
        """The views of `--tta`."""
        from kseg.inference.augmented import augmentations

        return augmentations(self.tta)

    def parameters(self) -> "CrfParameters":
        from kseg.postprocess import crf_parameters

        return crf_parameters(self.crf_parameters)

    def refine(self) -> "Refiner | None":
        """The refiner for `predict_probabilities` and `evaluate`; None without a CRF."""
        if not self.crf:
            return None
        from kseg.postprocess import crf_refiner

        return crf_refiner(self.parameters())

    def parts(self) -> list[str]:
        """Parts of the name of an evaluation's folder; equal parameters share a folder, however they are written."""
        words = [] if self.tiles is None else ["tiles", str(self.tiles)]
        words += [] if self.overlap is None else ["overlap", str(self.overlap)]
        words += [] if self.blend == "linear" else [self.blend]
        words += ["tta", *sorted(self.augmented().chosen)] if self.tta else []
        words += ["scales", *(f"{scale:g}" for scale in sorted(self.scales))] if self.scales else []
        if not self.crf:
            return words
        from kseg.postprocess import CrfParameters

        usual = str(CrfParameters()).split()
        return [*words, "crf", *(word for word in str(self.parameters()).split() if word not in usual)]

    def in_words(self) -> str:
        """The refinements, for a person; "" without any."""
        words = [f"mean over {', '.join(self.augmented().chosen)}"] if self.tta else []
        words += [f"scales {' '.join(f'{scale:g}' for scale in sorted(self.scales))}"] if self.scales else []
        return "; ".join([*words, *([f"dense CRF, {self.parameters()}"] if self.crf else [])])
