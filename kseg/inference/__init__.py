"""Trained models at work: model files with their classes, prediction at any size, evaluation, and masks on disk."""

from kseg.inference.evaluate import class_order, evaluate, measure
from kseg.inference.files import ImageFile, collect_images, write_prediction
from kseg.inference.masks import load_masks, load_probabilities, save_masks, save_probabilities
from kseg.inference.model_file import ModelCard, load_model, read_card, save_model
from kseg.inference.predict import Predictor, predict_probabilities

__all__ = [
    "ImageFile",
    "ModelCard",
    "Predictor",
    "class_order",
    "collect_images",
    "evaluate",
    "measure",
    "load_masks",
    "load_probabilities",
    "load_model",
    "predict_probabilities",
    "read_card",
    "save_masks",
    "save_probabilities",
    "save_model",
    "write_prediction",
]
