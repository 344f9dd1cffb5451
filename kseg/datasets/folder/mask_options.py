"""What a person says about the masks of a folder, and what of it contradicts itself."""

from dataclasses import dataclass
from typing import Literal

from kseg.conventions import MAX_CLASSES
from kseg.datasets.folder.coding import color_coding
from kseg.errors import UsageError


@dataclass(frozen=True)
class MaskOptions:
    """What a person says about the masks; the fields are `DataOptions`' own."""

    classes: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    void: tuple[int, ...] = ()
    binary: Literal["auto"] | float | None = None
    color_tolerance: float = 0.0

    def check(self) -> None:
        """Raises UsageError for what contradicts itself or is no value."""
        if self.colors and self.classes:
            raise UsageError("--colors names the classes already; leave --classes out")
        if self.colors and self.binary is not None:
            raise UsageError("--colors and --binary both say what the masks mean; give one of them")
        if self.colors:
            color_coding(self.colors, self.color_tolerance)
        if self.color_tolerance and not self.colors:
            raise UsageError(f"--color-tolerance {self.color_tolerance:g} needs --colors, whose colors it widens")
        if len(self.classes) > MAX_CLASSES or len(self.classes) == 1:
            raise UsageError(f"--classes names {len(self.classes)} classes; name 2 to {MAX_CLASSES}")
        if len(set(self.classes)) < len(self.classes):
            raise UsageError(f"--classes {' '.join(self.classes)} names a class twice; every name stands for one id")
        if self.binary is not None and len(self.classes) > 2:
            raise UsageError(f"--binary makes two classes, and --classes names {len(self.classes)}; give one of them")
        if isinstance(self.binary, int | float) and not 0 < self.binary <= 65535:  # false of NaN as well
            raise UsageError(f"--binary {self.binary:g} is no threshold; it lies above 0 and up to 65535")
        wrong = [value for value in self.void if not 0 <= value <= 65535]
        if wrong:
            raise UsageError(f"--void {wrong[0]} is no mask value; values are 0..255, or 0..65535 of 16 bits")
