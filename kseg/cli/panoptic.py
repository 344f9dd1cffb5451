"""`kseg panoptic fuse | tune`: two trained networks as one that answers with segments; the thresholds of a fusion."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from kseg.cli.quiet import import_keras_quietly
from kseg.cli.run_data import NOT_GIVEN, RunData, where
from kseg.datasets import DataOptions
from kseg.ranges import COUNT, SHARE, Range
from kseg.structures import FusionOptions

if TYPE_CHECKING:
    from kseg.cli.panoptic_source import Source
    from kseg.datasets import Record
    from kseg.inference.fusion_search import Found

FILE = "panoptic_tuning.json"

SHOWN = 5
"""How many of the thresholds tried are printed, the best first."""

LARGE_SHARE = 1 / 16
"""Share of an image from which a stuff area is large: the paper's 4096 pixels are a 75th of COCO's images."""

AREA = Annotated[tuple[int, ...], Range(least=0, most=2**31 - 1)]


@dataclass(frozen=True)
class Fuse:
    """Fuse a run that tells the class of each pixel with one that finds objects, and measure the segments.

    Train the first with --classes-of panoptic where the data set has other classes of its own. The command writes
    segments as COCO's panoptic PNGs and JSON, which `kseg score` reads, pictures, evaluation.json and tables.

    Example: kseg panoptic fuse runs/SEMANTIC runs/INSTANCE --stuff-area 64
    """

    semantic: Positional[Path]
    """a run directory or .keras file that tells the class of each pixel"""
    instance: Positional[Path]
    """a run directory or .keras file that finds objects"""
    data: Annotated[DataOptions, arg(name="")] = field(default_factory=lambda: DataOptions(NOT_GIVEN))
    split: Literal["train", "validation", "test"] | None = None
    """which images (unset: test, or validation where there is no test split)"""
    fusion: Annotated[FusionOptions, arg(name="")] = field(default_factory=FusionOptions)
    overlays: bool = True
    """draw image, truth, segments and mistakes side by side"""
    batch_size: Annotated[int, COUNT] = 16
    """images predicted at a time"""
    out: Path | None = None
    """directory to write into (unset: panoptic-SPLIT in the first run)"""

    def with_its_data(self) -> "Fuse":
        import_keras_quietly()
        return replace(self, data=RunData.of(self.semantic).defaults(self.data, self.semantic))

    def run(self) -> int:
        from kseg.cli.panoptic_source import source_of
        from kseg.cli.panoptic_writing import write_segments
        from kseg.inference.evaluate import measured_split

        source = source_of(self.semantic, self.instance, self.data, self.batch_size)
        split = self.split or measured_split(source.dataset)
        records = _records(source, self.semantic, split)
        _describe(source, self.data, split, records)
        print(f"fusion    {in_flags(self.fusion)}{_large(self.fusion, source.dataset.size_of(records[0]))}")
        halves = source.halves(records, confidence=self.fusion.confidence)
        beside = self.semantic if self.semantic.is_dir() else self.semantic.parent
        out = self.out or beside / f"panoptic-{split}"
        answers = (one.fused(source.things, self.fusion) for one in halves)
        evaluation, written = write_segments(out, source, split, records, answers, self.fusion, overlays=self.overlays)
        print()
        for line in evaluation.regions.lines("PQ", evaluation.classes):
            print(line)
        print(f"\n{out}: {', '.join(written)}")
        return 0


@dataclass(frozen=True)
class Tune:
    """Choose the thresholds of a fusion by PQ, coarse to fine, of two runs or of a panoptic one.

    The networks see each image once. Every combination of the values is fused, then finer ones around the best. The
    best are printed as flags; measure them on other images than these.

    Example: kseg panoptic tune runs/SEMANTIC runs/INSTANCE --sample 50
    """

    model: Positional[Path]
    """a panoptic run directory or .keras file, or one that tells the class of each pixel"""
    instance: Positional[Path | None] = None
    """a run that finds objects, beside one that tells the class of each pixel"""
    data: Annotated[DataOptions, arg(name="")] = field(default_factory=lambda: DataOptions(NOT_GIVEN))
    split: Literal["train", "validation", "test"] = "validation"
    """split whose images choose"""
    sample: Annotated[int, COUNT] = 100
    """most images to use, evenly spread over the split"""
    confidence: Annotated[tuple[float, ...], SHARE] = (0.3, 0.5, 0.7, 0.9)
    """scores from which an object counts"""
    overlap: Annotated[tuple[float, ...], SHARE] = (0.3, 0.5, 0.8)
    """shares of an object that may lie behind others"""
    stuff_area: AREA = (0, 64, 256, 1024, 4096)
    """pixels from which stuff counts"""
    rounds: Annotated[int, Range(least=1, most=10)] = 2
    """1: these values alone; each further round is finer around the best"""
    batch_size: Annotated[int, COUNT] = 16
    """images predicted at a time"""
    save: Path | None = None
    """write the panoptic network with the thresholds found as this .keras file"""
    out: Path | None = None
    """JSON file of everything tried (unset: panoptic_tuning.json beside the first model)"""

    def with_its_data(self) -> "Tune":
        import_keras_quietly()
        return replace(self, data=RunData.of(self.model).defaults(self.data, self.model))

    def run(self) -> int:
        from tqdm import tqdm

        from kseg.atomic import write_json
        from kseg.cli.panoptic_source import source_of
        from kseg.datasets.preview import spread
        from kseg.errors import UsageError
        from kseg.inference.fusion_search import search
        from kseg.tasks.figures import plain
        from kseg.wording import counted

        if self.save is not None and self.instance is not None:
            raise UsageError("--save writes one panoptic network, and two networks are given; leave it out")

        # 1. images that the networks were not trained on
        source = source_of(self.model, self.instance, self.data, self.batch_size)
        records = spread(_records(source, self.model, self.split), self.sample)
        _describe(source, self.data, self.split, records)
        axes = {name: getattr(self, name) for name in ("confidence", "overlap", "stuff_area")}
        tried = " × ".join(f"{len(set(values))} {name}" for name, values in axes.items())
        print(f"tried     {tried}, then finer in {counted(self.rounds - 1, 'round')}")

        # 2. networks once, fusion many times
        halves = source.halves(records, confidence=min(*self.confidence, FusionOptions().confidence))
        seen = zip(tqdm(records, unit="img", disable=None), halves, strict=True)
        examples = [(one, source.truth(record)) for record, one in seen]
        result = search(
            examples,
            axes,
            num_classes=len(source.dataset.classes),
            things=source.things,
            start=examples[0][0].carried or FusionOptions(),
            rounds=self.rounds,
        )

        # 3. the best, as flags
        out = self.out or (self.model if self.model.is_dir() else self.model.parent) / FILE
        write_json(out, plain({
            "models": [str(path) for path, _, _ in source.networks], "split": self.split,
            "images": [record.id for record in records], "best": asdict(result.best),
            "before": asdict(result.before), "after": asdict(result.after), "change": asdict(result.change),
            "tried": [{**asdict(one), "pq": pq} for one, pq in result.tried.items()],
        }))  # fmt: skip
        print(f"{described(result)}\n\n{out}")
        print(self._next(source, result.best))
        return 0

    def _next(self, source: "Source", best: FusionOptions) -> str:
        """The next command, with the thresholds."""
        if self.instance is not None:
            return f"next: kseg panoptic fuse {self.model} {self.instance} {in_flags(best)}"
        if self.save is None:
            return f"found: {in_flags(best)}; --save FILE.keras writes the network with them, and training takes them"
        from kseg.inference import save_model
        from kseg.models.panoptic_fpn import with_fusion

        _, card, predictor = source.networks[0]
        with_fusion(predictor.model, **asdict(best))
        save_model(predictor.model, self.save, card)
        return f"{self.save}: the network with {in_flags(best)}\nnext: kseg evaluate {self.save}"


@dataclass(frozen=True)
class Panoptic:
    """Segments of two trained networks, and the thresholds by which objects and classes are fused."""

    action: Fuse | Tune

    def with_its_data(self) -> "Panoptic":
        """The command with its runs' data as defaults; the flags are then parsed again."""
        return Panoptic(self.action.with_its_data())

    def run(self) -> int:
        return self.action.run()


def in_flags(options: FusionOptions) -> str:
    """The thresholds as flags of the command line."""
    return " ".join(f"--{name.replace('_', '-')} {value:g}" for name, value in asdict(options).items())


def _large(options: FusionOptions, size: tuple[int, int]) -> str:
    """A note where stuff has to cover a large part of an image (h, w)."""
    share = options.stuff_area / (size[0] * size[1])
    if share < LARGE_SHARE:
        return ""
    return (
        f"; stuff under {options.stuff_area} pixels becomes void, {share:.0%} of an image of {size[0]}×{size[1]}: "
        "`kseg panoptic tune` finds a better area"
    )


def described(result: "Found") -> str:
    """PQ before and after, and the best thresholds."""
    best = sorted(result.tried.items(), key=lambda pair: -pair[1])[:SHOWN]
    return "\n".join(
        [
            f"\nPQ before {result.before}",
            f"PQ after  {result.after}   change {result.change} (of the images that chose)",
            *(f"  {pq:.4f}  {in_flags(options)}" for options, pq in best),
        ]
    )


def _records(source: "Source", model: Path, split: str) -> "Sequence[Record]":
    from kseg.datasets.membership import use_recorded_splits

    run = RunData.of(model)
    if run.folder is not None:
        for note in use_recorded_splits(source.dataset, run.folder, split):
            print(note)
    return source.dataset.records(split)


def _describe(source: "Source", data: DataOptions, split: str, records: "Sequence[Record]") -> None:
    from kseg.wording import counted

    names = source.dataset.classes
    kinds = [f"{name} (thing)" if class_id in source.things else name for class_id, name in enumerate(names)]
    print(f"data      {where(data)}, {split} split: {counted(len(records), 'image')}\nclasses   {', '.join(kinds)}")
    for path, _, _ in source.networks:
        seen = RunData.of(path).trained_on(source.dataset, records)
        if seen:
            print(f"trained   {path} on {seen} of these: their scores say nothing of new ones")
