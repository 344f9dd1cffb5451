"""`kseg evaluate`: measure a trained model on a data set."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from kseg.cli.quiet import import_keras_quietly
from kseg.cli.refining import Refining
from kseg.cli.run_data import NOT_GIVEN, RunData, digest, where
from kseg.datasets import DataOptions
from kseg.ranges import COUNT, FED, Range

if TYPE_CHECKING:
    from kseg.datasets import Dataset
    from kseg.inference import ModelCard


@dataclass(frozen=True)
class Evaluate:
    """Measure a run or model on a split, at the images' original size, with threshold sweep and per-image CSV.

    The data are the run's own unless flags change them; a .keras file outside of a run takes the data set of its card.

    Example: python evaluate.py runs/RUN --data-dir hospital_b --split all
    """

    model: Positional[Path]
    """a run directory or a .keras file"""
    data: Annotated[DataOptions, arg(name="")] = field(default_factory=lambda: DataOptions(NOT_GIVEN))
    split: Literal["train", "validation", "test", "all"] | None = None
    """which records to measure (unset: test, or validation where there is no test split); all: every record, for a
    folder that is a test set as a whole"""
    match_classes: Literal["names", "order"] = "names"
    """how the model's classes are matched with the data's: by name in any order, or by order whatever their names"""
    original_size: bool = True
    """compare at each image's own size; --no-original-size: at the size the network sees"""
    image_size: Annotated[tuple[int, int] | None, FED] = None
    """height and width the network is fed (unset: the size it was trained at)"""
    input_size: Literal["trained", "original"] | None = None
    """what the network is fed: trained, images resized as in training, or original, as they are (unset: as the run's
    own test)"""
    batch_size: Annotated[int, COUNT] = 16
    """images predicted at a time"""
    pictures: Annotated[int, Range(least=0, most=10_000)] = 0
    """how many of the worst images to draw, with truth, prediction and mistakes, into the folder worst of --out"""
    refining: Annotated[Refining, arg(name="")] = field(default_factory=Refining)
    out: Path | None = None
    """directory for evaluation.json, per_image.csv, and the task's own tables: thresholds.csv of a binary model,
    per_class.csv of objects (unset: beside the model)"""

    def with_its_data(self) -> "Evaluate":
        """The command with its run's data as defaults; the flags are then parsed again."""
        import_keras_quietly()
        return replace(self, data=RunData.of(self.model).defaults(self.data, self.model))

    def run(self) -> int:
        from kseg.atomic import write_json
        from kseg.cli.worst_pictures import write_worst
        from kseg.datasets import EVERYTHING, open_dataset
        from kseg.datasets.membership import use_recorded_splits
        from kseg.datasets.opening import check_classes_of
        from kseg.inference import Predictor, evaluate, load_model
        from kseg.inference.evaluate import measured_split
        from kseg.inference.predict import ORIGINAL, fed_in_words
        from kseg.tasks import TASKS
        from kseg.wording import counted

        # 1. data, before the model: a wrong folder is reported at once
        run = RunData.of(self.model)
        dataset = open_dataset(self.data)
        split = self.split or measured_split(dataset)
        if split != EVERYTHING and run.folder is not None:
            for note in use_recorded_splits(dataset, run.folder, split):
                print(note)
        records = dataset.records(split)

        # 2. model
        model, card = load_model(self.model)
        self.refining.check_means_something(card.task)
        size = self.refining.fed(card, self.image_size, self.input_size)
        tiling = self.refining.tiling([model])
        model = self.refining.around(model)
        check_classes_of(self.data, card.task)
        dataset = dataset.for_task(card.task)
        other_range = dataset.use_range(card.value_range)
        order = self._order(card, dataset)
        which = "all images" if split == EVERYTHING else f"{split} split"
        print(f"data      {where(self.data)}, {which}: {counted(len(records), 'image')} ({run.described(self.data)})")
        compared = "at their own size" if self.original_size else "at that size"
        print(f"fed       {tiling or fed_in_words(model, size)}, compared {compared}")
        print(f"classes   {', '.join(dataset.classes)}{self._matched(card, dataset, order)}")
        if self.refining.in_words():
            print(f"refined   {self.refining.in_words()}")
        if other_range:
            print(f"values    {other_range}")
        seen = run.trained_on(dataset, records)
        if seen:
            print(
                f"trained   on {seen} of these {counted(len(records), 'image')}: their scores say nothing of new ones"
            )

        # 3. measure
        result = evaluate(
            model,
            dataset,
            split,
            image_size=size,
            batch_size=self.batch_size,
            original_size=self.original_size,
            order=order,
            refine=self.refining.refine(),
            task=TASKS[card.task],
            tiling=tiling,
            augmented=self.refining.augmented(),
        )
        out = self.out or self._default_out(run, dataset, split)
        refined = {"refined": self.refining.in_words()} if self.refining.in_words() else {}
        refined |= {"tiles": str(tiling)} if tiling is not None else {}
        write_json(out / "evaluation.json", result.to_json() | refined)
        written = ["evaluation.json", *result.write_tables(out)]
        if self.pictures:
            refine, augmented = self.refining.refine(), self.refining.augmented()
            refiners = () if refine is None else (refine,)
            fed = ORIGINAL if tiling is not None else size
            predictor = Predictor(model, fed, 1, refiners, TASKS[card.task], tiling, augmented)
            written += write_worst(out, result, dataset, predictor, order, self.pictures)
        print(f"\n{table(result.scores())}\n\n{out}: {', '.join(written)}")
        return 0

    def _order(self, card: "ModelCard", dataset: "Dataset") -> tuple[int, ...]:
        """The model's id of each class of the data set. Raises: UsageError, with a remedy, where the names differ."""
        from kseg.errors import UsageError
        from kseg.inference import class_order
        from kseg.tasks import TASKS

        if len(card.classes) == len(dataset.classes) and (self.match_classes == "order" or not card.knows_classes):
            return tuple(range(len(card.classes)))
        try:
            return class_order(card.classes, dataset.classes, further=TASKS[card.task].leaves_out_classes)
        except UsageError as error:
            if len(card.classes) != len(dataset.classes):
                remedy = (
                    "use the label variant it was trained on (--hair, --parts, --classes, --category, --classes-of)"
                )
            elif self.data.category is not None:
                raise UsageError(
                    f"{self.model} was trained to find {card.classes[1]!r} in {card.dataset or 'other data'}, not "
                    f"{dataset.classes[1]!r}; pass --category {card.classes[1]}"
                ) from error
            else:
                remedy = "name them alike, or pass --match-classes order if they mean the same"
            raise UsageError(
                f"{self.model} tells {len(card.classes)} classes apart ({', '.join(card.classes)}) and {dataset.name} "
                f"has {len(dataset.classes)} ({', '.join(dataset.classes)}); {remedy}"
            ) from error

    def _matched(self, card: "ModelCard", dataset: "Dataset", order: tuple[int, ...]) -> str:
        """A note on the model's classes where they are not simply the data's."""
        if not card.knows_classes:
            return " (by order: the model's file does not name its own)"
        if tuple(card.classes) == tuple(dataset.classes):
            return ""
        if len(card.classes) > len(dataset.classes):
            return f" (by name; objects of the model's other {len(card.classes) - len(order)} classes do not count)"
        how = "by order" if order == tuple(range(len(order))) and self.match_classes == "order" else "by name"
        return f" ({how}; the model's are {', '.join(card.classes)})"

    def _default_out(self, run: RunData, dataset: "Dataset", split: str) -> Path:
        """A folder beside the model, named after all that is not as in the run."""
        beside = self.model if self.model.is_dir() else self.model.parent
        parts = ["evaluation", dataset.name, split]
        if self.data != run.options:
            parts += [*self.data.variant_names, digest(self.data)]
        if self.image_size is not None:
            parts.append(f"{self.image_size[0]}x{self.image_size[1]}")
        elif self.input_size is not None:
            parts.append(self.input_size)
        parts += [] if self.original_size else ["network-size"]
        parts += self.refining.parts()
        return beside / "-".join(parts)


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
