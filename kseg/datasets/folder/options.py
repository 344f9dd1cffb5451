"""The options of a user's folder: what its masks mean, which files are pairs, how they are divided."""

from dataclasses import dataclass
from typing import Annotated, Literal

from kseg.conventions import MAX_CLASSES
from kseg.datasets.folder.coding import color_coding
from kseg.datasets.options import SeededOptions
from kseg.errors import UsageError
from kseg.ranges import Range


@dataclass(frozen=True)
class FolderOptions(SeededOptions):
    """Options of a folder of images and masks."""

    colors: tuple[str, ...] = ()
    """masks in color, one NAME=R,G,B per class in order of id (background first; pixels of void=R,G,B are ignored)"""
    color_tolerance: Annotated[float, Range(least=0, most=442)] = 0.0
    """with --colors: a pixel takes the nearest named color up to this distance in RGB (0..442), for blended edges;
    farther pixels are void"""
    binary: Literal["auto"] | float | None = None
    """two classes, foreground from this mask value on; --binary alone chooses 128 where edges are soft, 1 where areas
    are painted in any value (unset: recognized)"""
    classes: tuple[str, ...] = ()
    """names of the classes in order of id (unset: found in the masks)"""
    void: Annotated[tuple[int, ...], Range(least=0, most=65_535)] = ()
    """mask values to ignore, besides 255 in a mask of ids"""
    images: str | None = None
    """a pattern of the images under --data-dir, as 'imgs/*.jpg' (unset: recognized)"""
    masks: str | None = None
    """where an image's mask lies, as 'labels/{stem}_mask.png'; {stem} is the image's name, or the part of it that
    {stem} stands for in --images; likewise {dir} and {split}"""
    objects: Literal["numbers", "areas"] | None = None
    """for the task instance: every number of a mask is an object, or every connected area of a class (unset: mask files
    that hold one each, COCO's JSON and numbers that count are recognized)"""
    merge_masks: bool = False
    """join several masks of one image into one"""
    split_sizes: Annotated[tuple[float, float, float], Range(least=0, most=1e9)] = (0.8, 0.1, 0.1)
    """without lists: shares of train, validation and test, into which each image is drawn at random; or numbers of
    images, if one is above 1"""

    def __post_init__(self) -> None:
        """Raises UsageError for options that contradict each other and for values out of range."""
        super().__post_init__()
        twice = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if twice:
            raise UsageError(f"--classes names {', '.join(twice)} more than once; give every class its own name")
        if self.colors and self.classes:
            raise UsageError("--colors names the classes already; leave --classes out")
        if self.colors and self.binary is not None:
            raise UsageError("--colors and --binary both say what the masks mean; give one of them")
        if self.colors:
            color_coding(self.colors, self.color_tolerance)
        if self.objects == "numbers" and (self.colors or self.binary is not None or len(self.classes) > 2):
            other = "colors" if self.colors else "classes" if self.binary is None else "binary"
            raise UsageError(
                f"--objects numbers reads every number or color of a mask as an object of one class, and --{other} "
                "reads them otherwise; give one of them"
            )
        if self.color_tolerance and not self.colors:
            raise UsageError(f"--color-tolerance {self.color_tolerance:g} needs --colors; name the colors too")
        if len(self.classes) > MAX_CLASSES or len(self.classes) == 1:
            raise UsageError(f"--classes names {len(self.classes)} classes; name 2 to {MAX_CLASSES}")
        if self.binary is not None and len(self.classes) > 2:
            raise UsageError(f"--binary makes two classes, and --classes names {len(self.classes)}; give one of them")
        if isinstance(self.binary, int | float) and not 0 < self.binary <= 65535:  # false of NaN as well
            raise UsageError(f"--binary {self.binary:g} is no threshold; give one above 0 and up to 65535")

    @property
    def of_masks(self) -> list[str]:
        """The options given that say how mask files are read."""
        names = ("colors", "color_tolerance", "binary", "classes", "void", "objects", "merge_masks")
        return [name for name in names if getattr(self, name) not in ((), None, 0.0, False)]

    @property
    def variant_names(self) -> tuple[str, ...]:
        return () if self.data_dir is None else (self.data_dir.resolve().name,)
