"""`kseg crf tune`: the parameters of a dense CRF for a trained network, searched on images it was not trained on."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from kseg.cli.quiet import import_keras_quietly
from kseg.cli.run_data import NOT_GIVEN, RunData, where
from kseg.datasets import DataOptions
from kseg.errors import UsageError
from kseg.ranges import COUNT, NOT_NEGATIVE, POSITIVE, Range

if TYPE_CHECKING:
    from kseg.datasets import Dataset
    from kseg.inference import ModelCard
    from kseg.inference.crf_search import Example, Found

SHOWN = 5
"""How many of the parameters tried are printed, the best first."""

FILE = "crf_tuning.json"


@dataclass(frozen=True)
class Crf:
    """Search the parameters of a dense CRF behind a trained network, coarse to fine, as DeepLab does.

    Every combination of the values is tried, then finer ones around the best; the best are printed as flags of `kseg
    evaluate` and `kseg predict`. Measure them on other images than these.

    Example: kseg crf tune runs/RUN --sample 50
    """

    action: Positional[Literal["tune"]]
    """tune: the one thing to do"""
    model: Positional[Path]
    """a run directory or a .keras file"""
    data: Annotated[DataOptions, arg(name="")] = field(default_factory=lambda: DataOptions(NOT_GIVEN))
    split: Literal["train", "validation", "test"] = "validation"
    """split whose images choose"""
    sample: Annotated[int, COUNT] = 100
    """most images to use, evenly spread over the split"""
    w1: Annotated[tuple[float, ...], NOT_NEGATIVE] = (3.0,)
    """values of the spatial kernel's weight"""
    sigma1: Annotated[tuple[float, ...], POSITIVE] = (3.0,)
    """values of the spatial kernel's standard deviation in pixels"""
    w2: Annotated[tuple[float, ...], NOT_NEGATIVE] = (3.0, 4.0, 5.0, 6.0)
    """values of the bilateral kernel's weight"""
    sigma_alpha: Annotated[tuple[float, ...], POSITIVE] = (30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0)
    """values of the bilateral kernel's standard deviation in pixels"""
    sigma_beta: Annotated[tuple[float, ...], POSITIVE] = (3.0, 4.0, 5.0, 6.0)
    """values of the bilateral kernel's standard deviation in levels of color"""
    iterations: Annotated[int, Range(least=1, most=1000)] = 10
    """how often messages are passed"""
    rounds: Annotated[int, Range(least=1, most=10)] = 2
    """1: these values alone; each further round is finer around the best"""
    batch_size: Annotated[int, COUNT] = 16
    """images predicted at a time"""
    out: Path | None = None
    """JSON file of everything tried (unset: crf_tuning.json beside the model)"""

    def with_its_data(self) -> "Crf":
        """The command with its run's data as defaults; the flags are then parsed again."""
        import_keras_quietly()
        return replace(self, data=RunData.of(self.model).defaults(self.data, self.model))

    def run(self) -> int:
        from kseg.atomic import write_json
        from kseg.datasets import open_dataset
        from kseg.datasets.membership import use_recorded_splits
        from kseg.inference import load_model
        from kseg.inference.crf_search import search
        from kseg.inference.evaluate import check_fits
        from kseg.inference.predict import fed_size
        from kseg.structures import LabelMap
        from kseg.tasks import TASKS
        from kseg.tasks.figures import plain
        from kseg.wording import counted

        # 1. images that the network was not trained on
        run = RunData.of(self.model)
        dataset = open_dataset(self.data).remember()  # each image is asked for twice in every round
        if run.folder is not None:
            for note in use_recorded_splits(dataset, run.folder, self.split):
                print(note)
        records = dataset.records(self.split)
        records = records[:: max(1, -(-len(records) // self.sample))][: self.sample]
        model, card = load_model(self.model)
        self._check(card, dataset)
        check_fits(model, dataset, TASKS[card.task])
        dataset.use_range(card.value_range)
        if seen := run.trained_on(dataset, records):
            print(f"trained   on {seen} of these {counted(len(records), 'image')}: it is too certain about them")

        # 2. search
        axes = {name: getattr(self, name) for name in ("w1", "sigma1", "w2", "sigma_alpha", "sigma_beta")}
        print(
            f"data      {where(self.data)}, {self.split} split: {counted(len(records), 'image')}\n"
            f"tried     {' × '.join(f'{len(set(values))} {name}' for name, values in axes.items())}, "
            f"then finer in {counted(self.rounds - 1, 'round')}"
        )

        def examples() -> "Iterator[Example]":
            from tqdm import tqdm

            from kseg.inference import predict_probabilities

            images = (dataset.image(record) for record in records)
            probabilities = predict_probabilities(model, images, fed_size(card, None, None), self.batch_size)
            for record, p in zip(tqdm(records, unit="img", disable=None), probabilities, strict=True):
                yield dataset.image(record), p, LabelMap(dataset.labels(record))

        result = search(
            examples, axes, num_classes=len(dataset.classes), iterations=self.iterations, rounds=self.rounds
        )

        # 3. the best, as flags
        out = self.out or (self.model if self.model.is_dir() else self.model.parent) / FILE
        tried = [{"parameters": asdict(one), "iou": iou} for one, iou in result.tried.items()]
        write_json(out, plain({
            "model": str(self.model), "split": self.split, "images": [record.id for record in records],
            "without": asdict(result.before), "best": asdict(result.best), "with": asdict(result.after),
            "change": asdict(result.change), "tried": tried,
        }))  # fmt: skip
        print(f"{described(result)}\n\n{out}\nnext: kseg evaluate {self.model} --crf --crf-parameters {result.best}")
        return 0

    def _check(self, card: "ModelCard", dataset: "Dataset") -> None:
        """Raises: UsageError where the model gives no probabilities of the data's classes."""
        from kseg.conventions import DEFAULT_TASK

        if card.task != DEFAULT_TASK:
            raise UsageError(
                f"a CRF refines the probabilities of a pixel's classes; {self.model} answers the task {card.task!r}; "
                f"name a model of the task {DEFAULT_TASK!r}"
            )
        if tuple(card.classes) != tuple(dataset.classes):
            raise UsageError(
                f"{self.model} tells apart {', '.join(card.classes)} and {dataset.name} has "
                f"{', '.join(dataset.classes)}; tune it on data with its own classes"
            )


def described(result: "Found") -> str:
    """The score without and with a CRF, and the best parameters."""
    best = sorted(result.tried.items(), key=lambda pair: -pair[1])[:SHOWN]
    return "\n".join(
        [
            f"\nIoU without {result.before}\nIoU with    {result.after}   change {result.change} (of the images that "
            "chose the parameters)",
            *(f"  {iou:.4f}  {parameters}" for parameters, iou in best),
        ]
    )
