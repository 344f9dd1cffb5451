"""Which data set each option is of: given for another one it would be ignored without a word."""

import dataclasses

from kseg.datasets.base import DATASETS, DataOptions
from kseg.errors import UsageError

FACES = ("lfw", "helen", "synthetic")

APPLIES = {
    "hair": FACES,
    "parts": FACES,
    "size": ("lfw", "helen"),
    "split_scheme": ("lfw", "helen", "voc"),
    "colors": ("folder",),
    "color_tolerance": ("folder",),
    "binary": ("folder",),
    "images": ("folder",),
    "masks": ("folder",),
    "merge_masks": ("folder",),
    "classes": ("folder",),
    "void": ("folder",),
    "split_sizes": ("folder",),
    "data_seed": ("synthetic", "folder", "voc", "pets"),
    "synthetic_size": ("synthetic",),
    "synthetic_counts": ("synthetic",),
    "synthetic_foreground": ("synthetic",),
    "year": ("voc",),
    "val_list": ("voc",),
    "border": ("pets",),
    "animals": ("pets",),
}
"""Option to data sets; one that is not listed is of all of them."""


def ignored_options(options: DataOptions) -> list[str]:
    """A sentence for every option that was given and has no meaning for the data set."""
    if options.dataset not in DATASETS:
        return []  # whoever opens it says which there are
    given = (field.name for field in dataclasses.fields(options) if getattr(options, field.name) != field.default)
    ignored = [name for name in given if options.dataset not in APPLIES.get(name, (options.dataset,))]
    return [
        f"--{name.replace('_', '-')} means nothing for --dataset {options.dataset} and is ignored; it is of "
        + ", ".join(APPLIES[name])
        for name in ignored
    ]


def check_data_dir(options: DataOptions) -> None:
    """Refuse a folder for a data set that reads none: whoever names one wants it used.

    Raises: UsageError with the flag that is missing.
    """
    if options.dataset == "synthetic" and options.data_dir is not None:
        raise UsageError(
            f"--data-dir {options.data_dir} was given for --dataset synthetic, which is drawn and reads no files; pass "
            f"--dataset folder for images and masks of your own, or the name of the data set that lies there"
        )
