"""`kseg evaluate`: measure a trained model on a data set."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from kseg.datasets import DataOptions


@dataclass(frozen=True)
class Evaluate:
    """Measure a run or model on a split, at the images' original size, with threshold sweep and per-image CSV.

    Example: python evaluate.py runs/RUN --dataset lfw --hair --split test
    """

    model: Positional[Path]
    """a run directory or a .keras file"""
    data: Annotated[DataOptions, arg(name="")] = field(default_factory=DataOptions)
    split: Literal["train", "validation", "test"] = "test"
    """which records to measure"""
    original_size: bool = True
    """compare at each image's own size; or at the size the network sees"""
    image_size: tuple[int, int] | None = None
    """height and width the network is fed (unset: the size it was trained at)"""
    input_size: Literal["trained", "original"] = "trained"
    """original: the network is fed every image at its own size, nothing is resized; trained: as --image-size says"""
    batch_size: int = 16
    """images predicted at a time"""
    out: Path | None = None
    """directory for evaluation.json, per_image.csv, and thresholds.csv of a binary model (unset: beside the model)"""

    def run(self) -> int:
        from kseg.atomic import write_json
        from kseg.datasets import open_dataset
        from kseg.datasets.membership import use_recorded_splits
        from kseg.errors import UsageError
        from kseg.inference import evaluate, load_model

        if self.input_size == "original" and self.image_size is not None:
            raise UsageError(
                f"--input-size original and --image-size {self.image_size[0]} {self.image_size[1]} exclude each other; "
                "leave one out"
            )
        dataset = open_dataset(self.data)
        run = self.model if self.model.is_dir() else self.model.parent
        for note in use_recorded_splits(dataset, run, self.split):
            print(note)
        dataset.records(self.split)
        model, card = load_model(self.model)
        if len(card.classes) != len(dataset.classes):
            raise UsageError(
                f"{self.model} tells {len(card.classes)} classes apart ({', '.join(card.classes)}) and "
                f"{dataset.name} has {len(dataset.classes)} ({', '.join(dataset.classes)}); use the label variant "
                "it was trained on (--hair, --parts, --classes, --category)"
            )
        if self.data.category is not None and card.dataset == dataset.name and card.classes != dataset.classes:
            raise UsageError(
                f"{self.model} was trained to find {card.classes[1]!r} in {dataset.name}, not {dataset.classes[1]!r}; "
                f"pass --category {card.classes[1]}"
            )
        dataset.use_range(card.value_range)
        result = evaluate(
            model,
            dataset,
            self.split,
            image_size="original" if self.input_size == "original" else self.image_size or card.image_size,
            batch_size=self.batch_size,
            original_size=self.original_size,
        )
        beside = self.model if self.model.is_dir() else self.model.parent
        size = self.input_size if self.image_size is None else f"{self.image_size[0]}x{self.image_size[1]}"
        fed = "" if size == "trained" else f"-{size}"
        out = self.out or beside / f"evaluation-{dataset.name}-{self.split}{fed}"
        write_json(out / "evaluation.json", result.to_json())
        result.write_csv(out / "per_image.csv")
        written = ["evaluation.json", "per_image.csv"]
        if result.histogram is not None:
            result.write_thresholds(out / "thresholds.csv")
            written.append("thresholds.csv")
        print(table(result.scores()))
        print(f"\n{out}: {', '.join(written)}")
        return 0


def table(scores: dict) -> str:
    """Scores as aligned lines, per-class ones indented."""
    lines = []
    for name, value in scores.items():
        if isinstance(value, dict):
            lines.append(name)
            lines += [f"  {key:<24}{number:.4f}" for key, number in value.items()]
        else:
            lines.append(f"{name:<26}{value:.4f}" if isinstance(value, float) else f"{name:<26}{value}")
    return "\n".join(lines)
