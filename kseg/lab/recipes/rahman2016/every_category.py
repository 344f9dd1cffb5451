"""`kseg train --categories`: a lab job per category and loss, and the tables of Rahman & Wang from them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from kseg.conventions import SPLITS
from kseg.datasets import DataOptions, Dataset, open_dataset
from kseg.datasets.category import category_id
from kseg.datasets.relabel import BACKGROUND
from kseg.datasets.voc.records import VOCOptions
from kseg.errors import UsageError
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import Job, make_job
from kseg.lab.experiment.setting import Setting
from kseg.lab.pages.two_losses import two_losses
from kseg.lab.recipe import Recipe
from kseg.lab.recipes.rahman2016.printed import FACTORS, category_of
from kseg.lab.recipes.rahman2016.recipe import paper
from kseg.lab.recipes.rahman2016.tables import tables
from kseg.training.config import LossOptions, TrainConfig, resolve
from kseg.training.plan import default_path
from kseg.wording import counted

ALL = "all"
BASELINE, OUTPUTS = "ce", 2
"""FCN_acc: softmax loss on two outputs."""
SCALE = "as given"
"""The scale of the results: the flags of the command take the place of a recipe's scale."""


@dataclass(frozen=True)
class Study:
    """The jobs of one command, and how their results are shown."""

    recipe: Recipe
    jobs: list[Job]
    folder: Path


def category_study(config: TrainConfig, categories: str, path: Path | None = None) -> Study:
    """A job for each category with the loss of `config` and one with the softmax loss, all else equal.

    Args:
      config: the configuration of `kseg train` without a category; all jobs have its seed.
      categories: "all", or names with commas between them.
      path: folder of the jobs; default `runs/` and a name made of the configuration.
    Unless the configuration says otherwise, every batch holds one image with the category, as in the paper.
    Raises:
      UsageError: an unknown category, a data set without categories, or the softmax loss itself as the loss.
    """
    # 1. what can be refused before the first job
    if config.data.category is not None:
        raise UsageError(
            f"--category {config.data.category} and --categories {categories} exclude each other; leave one out"
        )
    if config.training.distribute == "multiworker":
        raise UsageError("--categories runs on one machine; leave out --distribute multiworker")
    dataset = open_dataset(config.data)
    names = chosen(dataset, categories)
    settled = resolve(replace(config, model=replace(config.model, outputs=None)), image_size=dataset.training_size)
    assert settled.loss.loss is not None
    if settled.loss.loss == BASELINE:
        raise UsageError(f"--categories compares --loss with the softmax loss, {BASELINE}; choose another --loss")
    check_shown(dataset, names)
    # 2. a setting for each category and loss
    versus = (settled.loss.loss, BASELINE)
    called = dataset_name(config.data)
    settings = [
        Setting(category_of(called, name, loss), one_against_all(config, dataset, name, loss))
        for name in names
        for loss in versus
    ]
    # 3. a recipe of this command, with the tables of the paper
    recipe = Recipe(
        "categories",
        lambda scale, places: settings,
        two_losses,
        factors=FACTORS,
        figures=("iou", "accuracy"),
        versus=versus,
        paper=partial(published, versus) if called == "camvid" else None,
        tables=tables,
        captions={SCALE: caption(settled)},
    )
    default = default_path(settled)
    folder = path or default.with_name(f"{default.name}-categories")
    return Study(recipe, [make_job(folder, setting, config.training.seed) for setting in settings], folder)


def chosen(dataset: Dataset, categories: str) -> list[str]:
    """The data set's own names of the categories, each once."""
    words = [word.strip() for word in categories.split(",") if word.strip()]
    if not words:
        raise UsageError('--categories is empty; name categories, such as "road,fence", or all')
    if words == [ALL]:
        words = [name for name in dataset.classes if name != BACKGROUND]
    return list(dict.fromkeys(dataset.classes[category_id(dataset.classes, word, dataset.name)] for word in words))


def check_shown(dataset: Dataset, names: Sequence[str]) -> None:
    """Refuse categories that a split does not show, before the first job."""
    for name in names:
        one = dataset.only([category_id(dataset.classes, name, dataset.name)])
        for split in SPLITS:
            one.records(split)


def caption(config: TrainConfig) -> str:
    """Network and settings, as a caption of the tables."""
    model, training = config.model, config.training
    assert model.image_size is not None and training.epochs is not None  # resolved
    name = " on ".join(filter(None, (model.model, model.given.get("encoder"))))
    return (
        f"Ours: {name}, trained at {model.image_size[0]}×{model.image_size[1]}, tested on images "
        f"{'as they are' if training.test_input == 'original' else 'of that size'}, {training.optimizer} "
        f"{training.learning_rate:g}, batch {training.batch_size}, at most {counted(training.epochs, 'epoch')}, "
        f"{training.precision}, seed {training.seed}."
    )


def dataset_name(options: DataOptions) -> str:
    """voc2010, voc2011, and voc for 2012, as in the recipe."""
    if not isinstance(options, VOCOptions):
        return options.dataset
    return "voc" + re.sub(r"\W+", "_", options.year).removeprefix("2012")


def one_against_all(config: TrainConfig, dataset: Dataset, category: str, loss: str) -> TrainConfig:
    positives = config.training.positives_per_batch
    return replace(
        config,
        data=replace(config.data, category=category),
        model=replace(
            config.model,
            image_size=config.model.image_size or dataset.training_size,
            outputs=OUTPUTS if loss == BASELINE else config.model.outputs,
        ),
        loss=replace(config.loss, loss=loss) if loss != BASELINE else LossOptions(BASELINE, config.loss.loss_reduction),
        training=replace(config.training, positives_per_batch=1 if positives is None else positives),
    )


def published(versus: Sequence[str], condition: Condition) -> dict[str, float]:
    """The recipe's figures, under the names that the losses have here."""
    return paper(condition.under("iou" if condition.loss == versus[0] else "acc"))
