"""Export formats: the type, and the three formats."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from kseg.errors import UsageError, unknown_name

FormatName = Literal["saved_model", "onnx", "litert"]

Predict = Callable[[np.ndarray], Any]
"""uint8 (N, H, W, 3) to float32 probabilities (N, H, W, C), or to arrays by name (`Task.served`)."""

PROBABILITIES = "probabilities"
"""What an export of a network that scores pixels calls its only output."""


def alone(outputs: dict[str, np.ndarray]) -> Any:
    """The outputs of an export as `Predict` gives them: probabilities without their name, others by name."""
    return outputs.get(PROBABILITIES, outputs)


@dataclass(frozen=True)
class Format:
    """How one kind of file is named and checked; the work is in the module `kseg.export.<module>`."""

    title: str
    module: str
    """has `write(serve, path, metadata)` and `load(path) -> Predict`"""
    suffix: str
    """what its file name ends in; "" for a folder"""
    default_name: str
    """name beside a model file with the stem {stem}"""
    batches: bool
    """whether N is free; if not, N = 1, and a bare network takes one H and W"""
    needs: tuple[str, ...] = ()
    """packages beyond kseg's own"""

    def implementation(self) -> Any:
        """The module that writes and loads the format; a missing package is one sentence."""
        for package in self.needs:
            try:
                importlib.import_module(package)
            except ModuleNotFoundError as error:
                raise UsageError(
                    f"{self.title} export needs {package} ({error}); run pip install 'kseg[export]'"
                ) from error
        return importlib.import_module(f"kseg.export.{self.module}")

    def check_name(self, path: Path) -> None:
        """Refuses a name that would mislead the program that opens the export."""
        if path.suffix != self.suffix and (self.suffix or path.suffix in SUFFIXES):
            wanted = f"ends in {self.suffix}" if self.suffix else "is a folder's"
            raise UsageError(f"{path.name!r} does not name a {self.title} export; its name {wanted}")


FORMATS: dict[str, Format] = {
    "saved_model": Format("SavedModel", "saved_model", "", "{stem}_saved_model", True),
    "onnx": Format("ONNX", "onnx_file", ".onnx", "{stem}.onnx", True, ("tf2onnx", "onnx", "onnxruntime")),
    "litert": Format("LiteRT", "litert", ".tflite", "{stem}.tflite", False),
}
SUFFIXES = {".onnx", ".tflite", ".keras", ".h5"}

assert set(FORMATS) == set(get_args(FormatName))


def format_named(name: str) -> Format:
    """The format of that name, or an error that lists them."""
    if name not in FORMATS:
        raise unknown_name("export format", name, FORMATS)
    return FORMATS[name]
