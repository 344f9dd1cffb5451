"""Architectures, one file per family: each is a function, with the layer names of its paper.

Names and options are available without Keras, so that `kseg train --help` is fast; building a network loads it.
"""

from typing import TYPE_CHECKING, Any

from kseg.models.architecture import FINE_TUNED, LAPTOP, MODELS, Architecture, architecture, model_names
from kseg.models.choosing import model_options
from kseg.models.options import ModelOptions

if TYPE_CHECKING:
    from kseg.models.building import build, build_with_report
    from kseg.models.transfer import start_from, transfer_weights

__all__ = [
    "FINE_TUNED",
    "LAPTOP",
    "MODELS",
    "Architecture",
    "ModelOptions",
    "architecture",
    "build",
    "build_with_report",
    "model_names",
    "model_options",
    "start_from",
    "transfer_weights",
]


def __getattr__(name: str) -> Any:
    if name in ("build", "build_with_report"):
        from kseg.models import building

        return getattr(building, name)
    if name in ("start_from", "transfer_weights"):
        from kseg.models import transfer

        return getattr(transfer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
