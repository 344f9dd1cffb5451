"""`kseg train --categories`: its jobs, and the tables made of them."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from kseg.cli.main import main
from kseg.datasets import DATASETS, data_options
from kseg.errors import UsageError
from kseg.lab.pages.study import make_report, markdown
from kseg.lab.recipes.rahman2016.every_category import SCALE, category_study, dataset_name
from kseg.lab.results.collect import collect
from kseg.lab.running.worker import Images, run_job
from kseg.models import model_options
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions

FACES = TrainConfig(
    data=data_options(synthetic_size=32, synthetic_counts=(8, 4, 4), parts=True),
    model=model_options("unet", base_width=4),
    loss=LossOptions("iou(pooling='batch')", class_weights="none"),
    training=TrainingOptions(epochs=1, batch_size=4, seed=3),
)


def test_every_category_is_trained_with_both_losses(tmp_path):
    study = category_study(FACES, "all", tmp_path)
    assert [job.condition.words[1:] for job in study.jobs] == [
        (category, loss) for category in ("hair", "face") for loss in ("iou(pooling='batch')", "ce")
    ]
    first, baseline = (job.config for job in study.jobs[:2])
    assert (first.data.category, first.model.outputs, first.training.positives_per_batch) == ("hair", None, 1)
    assert (baseline.loss.loss, baseline.model.outputs) == ("ce", 2)
    assert dataclasses.replace(baseline.model, outputs=None) == first.model
    assert baseline.training == first.training and first.training.seed == 3
    assert first.model.image_size == (32, 32)
    assert all(job.path.parent == tmp_path for job in study.jobs)


def test_some_categories_by_name_each_once():
    study = category_study(FACES, "Face, hair ,face")
    assert [job.condition.category for job in study.jobs] == ["face", "face", "hair", "hair"]
    assert study.folder == Path("runs/unet-iou_pooling_batch-synthetic-parts-categories")


def test_a_batch_s_positives_may_be_chosen():
    free = dataclasses.replace(FACES, training=dataclasses.replace(FACES.training, positives_per_batch=0))
    assert {job.config.training.positives_per_batch for job in category_study(free, "hair").jobs} == {0}


def test_the_years_of_voc_are_the_recipe_s_tags():
    years = {year: dataset_name(data_options("voc", year=year)) for year in ("2010", "2011", "2012", "2012+sbd")}
    assert years == {"2010": "voc2010", "2011": "voc2011", "2012": "voc", "2012+sbd": "voc_sbd"}
    assert dataset_name(data_options("camvid")) == "camvid"


def test_results_become_tables(tmp_path, monkeypatch):
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    small = dataclasses.replace(FACES, model=model_options("unet2015", base_width=4, depth=1))
    study = category_study(small, "hair", tmp_path / "study")
    images = Images()
    assert [run_job(job, images).error for job in study.jobs] == [None, None]
    keras.utils.clear_session(free_memory=False)
    results = collect(study.jobs, recipe="categories", scale=SCALE, command="train.py --categories hair")
    report = make_report(results, study.recipe, study.jobs)
    assert {row.loss for row in report.results.rows} == {"iou(pooling='batch')", "ce"}
    assert report.results.ratios["synthetic"]["hair"] > 1  # hair is the smaller part of a portrait
    assert all(row.validation_iou is not None for row in report.results.rows)
    assert "| synthetic hair |" in markdown(report)


def test_tables_say_what_was_trained():
    study = category_study(dataclasses.replace(FACES, loss=LossOptions()), "hair")
    assert [job.condition.loss for job in study.jobs] == ["iou", "ce"]
    assert study.recipe.captions["as given"] == (
        "Ours: unet, trained at 32×32, tested on images of that size, adam 0.004, batch 4, at most 1 epoch, float32, "
        "seed 3."
    )


def test_a_category_that_a_split_lacks_is_refused_before_the_first_is_trained(tmp_path, monkeypatch):
    def hairless(self, record):
        labels = drawn(self, record)
        return np.where(labels == 1, 0, labels) if record.id.startswith("test") else labels

    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    kind = DATASETS["synthetic"]
    drawn = kind.labels
    monkeypatch.setattr(kind, "labels", hairless)
    with pytest.raises(UsageError, match="none of the 4 test images of synthetic shows the category 'hair'"):
        category_study(FACES, "face,hair", tmp_path / "study")
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--categories", "hiar"], "did you mean 'hair'"),
        (["--categories", " , "], "--categories is empty"),
        (["--categories", "all", "--category", "hair"], "exclude each other"),
        (["--categories", "all", "--loss", "ce"], "choose another --loss"),
        (["--categories", "all", "--distribute", "multiworker"], "one machine"),
    ],
)
def test_what_cannot_be_asked(flags, sentence, capsys):
    assert main(["train", "--parts", *flags]) == 2
    assert sentence in capsys.readouterr().err


def test_two_classes_are_no_choice():
    with pytest.raises(UsageError, match="ask for more classes"):
        category_study(dataclasses.replace(FACES, data=data_options()), "face")
