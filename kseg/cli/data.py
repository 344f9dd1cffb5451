"""`kseg data info | prepare | check | preview | stats NAME`: what a data set is, whether it is complete and sound;
and `kseg data cache`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import arg

from kseg.cli.cache import Cache
from kseg.cli.data_stats import stats
from kseg.cli.join import NamedData, by_name
from kseg.conventions import TaskName
from kseg.datasets import DataOptions, data_options
from kseg.ranges import COUNT
from kseg.wording import counted

if TYPE_CHECKING:
    from kseg.datasets import Dataset

SAMPLE = 100
"""Images whose objects `info` counts."""

OF_TASKS = arg(help="which truth of a data set that has several: semantic, instance (its objects) or panoptic")
Source = Annotated[NamedData, arg(name="")]


@dataclass(frozen=True)
class Info:
    """Show where to get a data set, its terms, the expected tree, and which part of it is here.

    Example: kseg data info lfw
    """

    data: Source

    def run(self) -> int:
        return info(self.data)


@dataclass(frozen=True)
class Prepare:
    """Download what is missing if a source answers, extract what is packed, count the splits.

    Example: kseg data prepare lfw --data-dir data/lfw
    """

    data: Source

    def run(self) -> int:
        return prepare(self.data)


@dataclass(frozen=True)
class Check:
    """Decode every pair; report broken files, sizes that differ, unexpected values, duplicates and leaks.

    Of each kind of problem the first are shown and the others counted; --all shows all of them.

    Example: kseg data check folder --data-dir my_images
    """

    data: Source
    task: Annotated[TaskName | None, OF_TASKS] = None
    all: bool = False
    """show every sentence of every kind"""

    def run(self) -> int:
        return check(self.data, self.task, everything=self.all)


@dataclass(frozen=True)
class Preview:
    """Write a contact sheet: images, their truth laid over them, the classes.

    Example: kseg data preview synthetic --out sheet.png
    """

    data: Source
    split: Literal["train", "validation", "test"] = "train"
    """which split to show"""
    count: Annotated[int, COUNT] = 24
    """number of pairs on the sheet"""
    task: Annotated[TaskName | None, OF_TASKS] = None
    out: Path | None = None
    """the PNG to write (unset: preview-NAME-SPLIT.png; with --task preview-NAME-SPLIT-TASK.png)"""

    def run(self) -> int:
        return preview(self.data, self.out, self.count, self.split, self.task)


@dataclass(frozen=True)
class Stats:
    """Count class frequencies, the background-to-object ratio of each category, the class weights that follow, and
    objects with their sizes.

    Example: kseg data stats camvid --split train
    """

    data: Source
    split: Literal["train", "validation", "test", "all"] = "train"
    """which images to count; training takes its weights from train"""
    json: bool = False
    """print JSON instead of tables"""

    def run(self) -> int:
        return stats(self.data, self.split, self.json)


@dataclass(frozen=True)
class Data:
    """Look at a data set, get it, check it, count it; list or remove stored features."""

    action: Info | Prepare | Check | Preview | Stats | Cache

    def with_its_data(self) -> "Data":
        """The command with the options of its data set as defaults; the flags are then parsed again."""
        if isinstance(self.action, Cache):
            return self
        return Data(replace(self.action, data=by_name(data_options(self.action.data.dataset))))

    def run(self) -> int:
        return self.action.run()


def info(options: DataOptions, write: Callable[[str], None] = print) -> int:
    from kseg.datasets import DATASETS, open_dataset
    from kseg.datasets.prepare import split_counts
    from kseg.errors import KsegError

    kind = DATASETS[options.dataset]
    write(f"{kind.name}: {kind.title}")
    if kind.facts:
        write(kind.facts.as_text())
    if kind.reads_files:
        write(f"looked for in  {kind.place(options.data_dir)}")
    try:
        dataset = open_dataset(options)
        for line in dataset.layout:
            write(f"found          {line}")
        for sentence in dataset.reading:
            write(f"reading        {sentence}")
        write(f"classes        {', '.join(f'{index} {name}' for index, name in enumerate(dataset.classes))}")
        for split, count in split_counts(dataset).items():
            write(f"{split:<15}{count}")
        write(f"tasks          {', '.join(dataset.tasks)}")
        if "instance" in dataset.tasks:
            write(f"objects        {_objects(dataset)}")
    except KsegError as error:
        write(f"not usable yet: {error}")
    return 0


def _objects(dataset: "Dataset") -> str:
    """A sentence on the objects in a sample of the training images; counting all of 100,000 images takes minutes."""
    from kseg.datasets.object_statistics import object_statistics
    from kseg.datasets.preview import spread

    records = dataset.records("train")
    return object_statistics(dataset, spread(records, SAMPLE)).sentence()


def prepare(options: DataOptions, write: Callable[[str], None] = print) -> int:
    from kseg.datasets.prepare import prepare as get_ready
    from kseg.datasets.prepare import split_counts
    from kseg.errors import Failure

    dataset = get_ready(options, note=write)
    count_of = split_counts(dataset)
    if not any(isinstance(count, int) for count in count_of.values()):
        raise Failure(f"{dataset.name} is not ready: {next(iter(count_of.values()))}")
    counts = ", ".join(f"{split} {count}" for split, count in count_of.items())
    write(f"{dataset.name} is ready: {counts}; classes: {', '.join(dataset.classes)}")
    return 0


def check(
    options: DataOptions, task: str | None = None, write: Callable[[str], None] = print, *, everything: bool = False
) -> int:
    """Exit code 1 if anything is wrong."""
    from kseg.conventions import VOID
    from kseg.datasets import open_dataset
    from kseg.datasets.check import check as examine
    from kseg.datasets.shortened import shortened

    # 1. the data set
    dataset = open_dataset(options, task, with_problems=True)
    for line in dataset.layout:
        write(line)
    # 2. notes and problems
    report = examine(dataset)
    sentences = [*report.notes, *report.problems]
    told = sentences if everything else [
        line for part in (report.notes, report.problems) for line in shortened(part, report.kinds)
    ]  # fmt: skip
    for line in (*report.reading, *told):
        write(line)
    if len(told) < len(sentences):
        write("--all shows all of them")
    # 3. pairs and pixels
    counts = ", ".join(f"{split} {count}" for split, count in report.counts.items())
    write(f"{dataset.name}: {counted(sum(report.counts.values()), 'pair')} read ({counts})")
    total = max(1, int(report.pixels.sum()))
    for value, name in [*enumerate(dataset.classes if report.pixels.any() else ()), (VOID, "void")]:
        if value != VOID or report.pixels[value]:
            share, images = report.pixels[value] / total, report.images_with[value]
            write(f"  {value:>3} {name:<16} {share:6.1%} of the pixels, in {counted(int(images), 'image')}")
    write(f"{counted(len(report.problems), 'problem')}" if report.problems else "no problems")
    return 1 if report.problems else 0


def preview(
    options: DataOptions,
    out: Path | None = None,
    count: int = 24,
    split: str = "train",
    task: str | None = None,
    write: Callable[[str], None] = print,
) -> int:
    from kseg.datasets import open_dataset
    from kseg.datasets.images import save_image
    from kseg.datasets.preview import contact_sheet
    from kseg.errors import UsageError

    if count < 1:
        raise UsageError(f"--count {count} leaves nothing to show; give at least 1")
    out = out or Path(f"preview-{options.dataset}-{split}{'' if task is None else f'-{task}'}.png")
    dataset = open_dataset(options, task)
    for line in (*dataset.layout, *dataset.reading):
        write(line)
    save_image(out, contact_sheet(dataset, split, count))
    write(str(out))
    return 0
