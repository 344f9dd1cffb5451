"""Options of a network: the general ones, and those declared by the signatures of its architecture and encoder.

    def unet(image, channels, *, base_width: Width = 64): …        →  the field `base_width`, the flag `--base-width`

A declared option that is None takes the default of the signature. This module does not need Keras, so that
`kseg train --help` does not load it.
"""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from kseg.ranges import SIDE, Range, check_ranges


@dataclass(frozen=True)
class ModelOptions:
    """Which network, and where its weights come from."""

    model: str | None = None
    """which network; `kseg train --help model` lists them"""
    weights: str | None = None
    """encoder weights: imagenet (downloads), none (random), or a file (.h5, .npz, also .xz).
    Unset: none; under --preset auto imagenet if it is available"""
    init: str | None = None
    """start from the weights of a run, finished or not, or of a .keras file, by layer name"""
    outputs: Annotated[int | None, Range(least=1, most=255)] = None
    """channels of the prediction: 2 gives two classes a softmax (unset: one sigmoid for two classes)"""
    image_size: Annotated[tuple[int, int] | None, SIDE] = None
    """height and width the network trains at (unset: the data set's own, 224 224 for photographs)"""
    scales: Annotated[tuple[float, ...], Range(above=0, most=4)] = ()
    """the network sees the image at each of these scales, including 1, and takes the largest score: 0.5 0.75 1 in
    DeepLab; in training each scale and their maximum have a loss (unset: only the image itself)"""

    own_names: ClassVar[tuple[str, ...]] = ()
    """the fields that the architecture and its encoder declare"""
    made_for: ClassVar[tuple[str, str | None] | None] = None
    """architecture, and encoder if it has options too"""

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def given(self) -> dict[str, Any]:
        """The architecture's own options that were given, as `build` takes them."""
        values = {name: getattr(self, name) for name in self.own_names}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def general(self) -> dict[str, Any]:
        """The options that every architecture has."""
        return {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(ModelOptions)}

    def having(self, **changes: Any) -> "ModelOptions":
        """These options with some values changed."""
        return dataclasses.replace(self, **changes)
