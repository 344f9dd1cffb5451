"""Trained models at work: model files with their classes, prediction at any size, evaluation, and masks on disk."""

from kseg.inference.evaluate import evaluate, measure, predicted_classes
from kseg.inference.evaluation import Evaluation
from kseg.inference.files import ImageFile, collect_images, write_prediction
from kseg.inference.masks import load_masks, save_masks
from kseg.inference.model_file import ModelCard, load_model, save_model
from kseg.inference.predict import predict_probabilities

__all__ = [
    "Evaluation",
    "ImageFile",
    "ModelCard",
    "collect_images",
    "evaluate",
    "measure",
    "load_masks",
    "load_model",
    "predict_probabilities",
    "predicted_classes",
    "save_masks",
    "save_model",
    "write_prediction",
]
