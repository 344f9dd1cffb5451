"""`kseg export`: a trained model for other programs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional

from kseg.ranges import FED


@dataclass(frozen=True)
class Export:
    """Write a run's model as SavedModel, ONNX or LiteRT, and check that it gives the same probabilities.

    The export takes raw uint8 RGB images of any size and resizes them inside, as `kseg predict` does; its classes,
    colors and sizes lie beside it as JSON.

    Example: kseg export runs/RUN --format onnx
    """

    model: Positional[Path]
    """a run directory or a .keras file"""
    format: Literal["saved_model", "onnx", "litert"] = "saved_model"
    """saved_model and onnx take batches, litert one image at a time"""
    out: Path | None = None
    """where to write it (unset: beside the model: model_saved_model/, model.onnx or model.tflite)"""
    overwrite: bool = False
    """replace an earlier export"""
    image_size: Annotated[tuple[int, int] | None, FED] = None
    """height and width the network is fed (unset: the size it was trained at)"""
    any_size: bool = False
    """export the bare network, without resizing, for images of any size (litert: of --image-size)"""

    def run(self) -> int:
        from kseg.export import default_path, export_model
        from kseg.inference import load_model

        out = self.out or default_path(self.model, self.format)
        model, card = load_model(self.model)
        report = export_model(
            model,
            card,
            out,
            self.format,
            overwrite=self.overwrite,
            image_size=self.image_size,
            any_size=self.any_size,
        )
        print(report)
        return 0
