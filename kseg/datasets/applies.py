"""Which data set each option is of: given for another one it would be ignored without a word."""

import dataclasses

from kseg.datasets.base import DATASETS, DataOptions
from kseg.errors import UsageError


def owners(option: str) -> tuple[str, ...]:
    """The data sets that an option is of; () where it means something for all of them."""
    return tuple(name for name, kind in DATASETS.items() if option in kind.own_options)


def ignored_options(options: DataOptions) -> list[str]:
    """A sentence for every option that was given and has no meaning for the data set."""
    if options.dataset not in DATASETS:
        return []  # whoever opens it says which there are
    given = (field.name for field in dataclasses.fields(options) if getattr(options, field.name) != field.default)
    return [
        f"--{name.replace('_', '-')} means nothing for --dataset {options.dataset} and is ignored; it is of "
        + ", ".join(owners(name))
        for name in given
        if owners(name) and options.dataset not in owners(name)
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
