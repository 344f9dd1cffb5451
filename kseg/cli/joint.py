"""`kseg predict RUN_A RUN_B … --joint`: one label map from runs that each know one category."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kseg.cli.masks import PredictOptions, named_files, write_masks
from kseg.errors import UsageError
from kseg.wording import counted

if TYPE_CHECKING:
    from kseg.datasets import DataOptions
    from kseg.inference import ModelCard
    from kseg.inference.joint import Member
    from kseg.training.config import TrainConfig


def predict_jointly(options: PredictOptions) -> int:
    """Write masks of the images named behind the runs; without images, measure the runs' own test images."""
    from kseg.inference import load_model
    from kseg.inference.joint import Member, joint_card, predict_joint

    # 1. the networks
    runs, images = split_runs([str(options.model), *options.images])
    members = []
    refining = options.refining
    for run in runs:
        model, card = load_model(run)
        members.append(Member(model, card, refining.fed(card, options.image_size, options.input_size)))
    card = joint_card(members, [str(run) for run in runs])
    # 2. how they predict, from the flags
    predict = partial(
        predict_joint,
        threshold=0.5 if options.threshold is None else options.threshold,
        batch_size=options.batch_size,
        refine=refining.refine(),
        tiling=refining.tiling([member.model for member in members]),
        augmented=refining.augmented(),
    )
    members = [dataclasses.replace(member, model=refining.around(member.model)) for member in members]
    # 3. masks or scores
    if not images:
        return _measure(options, members, card, runs, predict)
    return write_masks(options, named_files(images), card, partial(predict, members))


def split_runs(given: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The runs and `.keras` files at the beginning, and the images behind them."""
    count = next((i for i, name in enumerate(given) if not _is_run(Path(name))), len(given))
    return [Path(name) for name in given[:count]], list(given[count:])


def _is_run(path: Path) -> bool:
    return path.suffix == ".keras" or (path / "config.json").is_file()


def _measure(
    options: PredictOptions, members: "list[Member]", card: "ModelCard", runs: list[Path], predict: "Callable"
) -> int:
    from kseg.atomic import write_json
    from kseg.cli.evaluate import table
    from kseg.datasets import open_dataset
    from kseg.datasets.category import category_id
    from kseg.inference import measure
    from kseg.inference.predict import ORIGINAL

    # 1. the test images that all runs share, fed as each run was measured
    configs = [recorded_config(run) for run in runs]
    whole = open_dataset(common_data(runs, [config.data for config in configs]))
    if options.image_size is None and options.input_size is None:
        members = [
            dataclasses.replace(member, image_size=ORIGINAL) if config.training.test_input == ORIGINAL else member
            for member, config in zip(members, configs, strict=True)
        ]
    dataset = whole.only([category_id(whole.classes, name, whole.name) for name in card.classes[1:]])
    dataset.use_range(card.value_range)
    records = dataset.records("test")
    # 2. measure
    predicted = predict(members, lambda: (dataset.image(record) for record in records))
    result = measure(predicted, dataset, "test")
    # 3. files and tables
    refined = {"refined": options.refining.in_words()} if options.refining.in_words() else {}
    write_json(options.out / "evaluation.json", result.to_json() | refined)
    result.write_csv(options.out / "per_image.csv")
    print(table(result.scores()))
    print(
        f"\n{counted(len(records), 'test image')} of {dataset.name} through {len(members)} runs (name images for masks)"
    )
    print(f"{options.out}: evaluation.json, per_image.csv")
    return 0


def recorded_config(run: Path) -> "TrainConfig":
    """The configuration of a run, or of the run that a model file lies in.

    Raises:
      UsageError: a model file alone does not say what it was trained on.
    """
    from kseg.training.config import from_record
    from kseg.training.record import RunFiles

    files = RunFiles(run if run.is_dir() else run.parent)
    if not files.is_run:
        raise UsageError(
            f"{run} is no run and does not say what it was trained on; name images to predict behind the models"
        )
    return from_record(files.read_config(), where=str(files.config))


def common_data(runs: Sequence[Path], data: "Sequence[DataOptions]") -> "DataOptions":
    """The data of all runs, whatever the category. Raises: UsageError where they differ, with the differences."""
    from kseg.training.config import differences, to_json

    first, *others = (dataclasses.replace(one, category=None) for one in data)
    for run, other in zip(runs[1:], others, strict=True):
        if changed := differences(to_json(first), to_json(other)):
            raise UsageError(
                f"{runs[0]} and {run} were trained on different data ({'; '.join(changed)}); name images to predict "
                "behind the runs, or runs of the same data"
            )
    return first
