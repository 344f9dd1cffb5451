"""`kseg evaluate`: measure a trained model on a data set."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from kseg.datasets import DataOptions


@dataclass(frozen=True)
class Evaluate:
    """Measure a run or model on a split, at the images' original size, with threshold sweep and per-image CSV.

    Example: python evaluate.py runs/RUN --dataset lfw --hair --split test
    """

    model: Positional[Path]
    """a run directory or a .keras file"""
    data: DataOptions = field(default_factory=DataOptions)
    split: Literal["train", "validation", "test"] = "test"
    """which records to measure"""
    original_size: bool = True
    """compare at each image's own size, or at the size the network sees"""
    batch_size: int = 16
    """images predicted at a time"""
    out: Path | None = None
    """directory for evaluation.json and per_image.csv (default: MODEL/evaluation-DATASET-SPLIT)"""

    def run(self) -> int:
        from kseg.inference import evaluate, load_model

        raise SystemExit("replaced below")
