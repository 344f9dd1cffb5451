"""Export: a trained model as a SavedModel, ONNX or LiteRT file that takes raw images, checked against the original.

`export_model` writes, reloads and compares; one file per format says how. Nothing here is needed to run an export:
a SavedModel wants TensorFlow alone, an ONNX file ONNX Runtime, a LiteRT file its interpreter.
"""

from kseg.export.exporter import ExportReport, default_path, export_model
from kseg.export.formats import FORMATS, Format

__all__ = ["FORMATS", "ExportReport", "Format", "default_path", "export_model"]
