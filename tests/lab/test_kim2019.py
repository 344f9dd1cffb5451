"""Kim et al. 2019 as a recipe: its jobs, the paper's figures, and the verdicts on its claims."""

import dataclasses
import json

import numpy as np
import pytest

from kseg.datasets import data_options, open_dataset
from kseg.inference import save_masks, save_probabilities
from kseg.lab.experiment.jobs import Job
from kseg.lab.experiment.setting import Places
from kseg.lab.recipe import RECIPES
from kseg.lab.recipes.kim2019.figures import figures, heat
from kseg.lab.recipes.kim2019.printed import OTHER_LOSSES, STEP, TABLES, TIMES
from kseg.lab.recipes.kim2019.recipe import condition
from kseg.lab.results.rows import Results, Row
from kseg.training.config import TrainConfig
from kseg.training.record import RunFiles

RECIPE = RECIPES["kim2019"]


def test_the_printed_tables_agree_with_the_text():
    """ "FCN-32s … outperforms the baseline by 3.8 %", "exceeds that of FCN-8s by 0.4 %", ×10.8, ×15.4, ×5.8, ×8.4."""
    assert TABLES["voc", "fcn32s"].ls - TABLES["voc", "fcn32s"].ce == pytest.approx(0.038)
    assert TABLES["voc", "fcn32s"].ls - TABLES["voc", "fcn8s"].ce == pytest.approx(0.004)
    ratios = [times for cost in TIMES.values() for times in (cost.crf5 / cost.network, cost.crf10 / cost.network)]
    assert ratios == pytest.approx([10.8, 15.4, 5.8, 8.4], abs=0.1)
    assert STEP[1] / STEP[0] == pytest.approx(1.18, abs=0.001)
    assert TABLES["voc", "deeplab"].ce == OTHER_LOSSES["ce"] and TABLES["voc", "deeplab"].ls == OTHER_LOSSES["ls"]
    assert all(cell.ls > cell.ce for cell in TABLES.values())


def test_both_losses_in_every_network_on_their_grids():
    every = RECIPE.at("cpu", Places(weights={"": "none"}))
    settings = {setting.condition.words: setting.config for setting in every if not setting.condition.change}
    assert len(settings) == 2 * 4 * 2
    for (dataset, network, loss), config in settings.items():
        assert config.loss.loss_stride == (1 if network.startswith("fcn") else 8)
        assert bool(config.training.test_crf) == (loss == "ce")
        other = settings[dataset, network, "ce"]
        assert dataclasses.replace(config.model) == other.model and config.data == other.data
    assert settings["voc", "largefov", "ce"].training.test_crf == ("deeplab_v1_largefov",)


def results_of(figures) -> Results:
    """One seed a cell, of (data set, network) → (ls, ce, behind a CRF)."""
    rows = [
        Row(
            condition=condition(*cell, loss),
            seed=1, job=f"{cell} {loss}", iou=iou, iou_image=iou, accuracy=iou, matrix=[[1]],
            best_epoch=1, epochs=1, seconds=1.0, foreground=0.5, images=[iou], iou_crf=crf if loss == "ce" else None,
        )
        for cell, (ls, ce, crf) in figures.items()
        for loss, iou in (("ls", ls), ("ce", ce))
    ]  # fmt: skip
    return Results(
        recipe="kim2019", scale="cpu", command="", environment={}, rows=rows, failures={}, missing=0, ratios={},
        artifacts_of_truth={}, settings={},
    )  # fmt: skip


def verdicts(figures) -> list[str]:
    assert RECIPE.claims is not None
    return [claim.verdict for claim in RECIPE.claims(results_of(figures))]


def test_the_papers_own_figures_hold():
    paper = {cell: (figures.ls, figures.ce, figures.crf) for cell, figures in TABLES.items()}
    gain, coarse, crf = verdicts(paper)
    assert (gain, crf) == ("held", "held")
    assert coarse == "cannot be judged"  # it is one pair


def test_figures_that_say_otherwise_do_not_hold():
    worse = {
        (dataset, network): (0.50 - step, 0.55, 0.60)
        for step, dataset in ((0.0, "voc"), (0.01, "camvid"), (0.005, "cityscapes"))
        for network in ("fcn32s", "fcn8s", "deeplab")
    }
    assert verdicts(worse) == ["did not hold"] * 3


def test_one_thing_changes_beside_the_cell():
    """Figure 5's Heaviside functions; and the grid of the loss, where λ means something else, with both losses."""
    every = {setting.condition.words: setting.config for setting in RECIPE.at("cpu", Places(weights={"": "none"}))}
    beside = {words: config for words, config in every.items() if len(words) == 4}
    assert {words[2:] for words in beside} == {
        ("with HF", "ls"), ("with AHF", "ls"), ("with full resolution", "ls"), ("with full resolution", "ce"),
    }  # fmt: skip
    for (dataset, network, change, loss), config in beside.items():
        cell = every[dataset, network, loss]
        assert config.loss.loss_stride == (1 if "full" in change else cell.loss.loss_stride)
        assert (config.loss.loss == cell.loss.loss) == ("full" in change)
        assert config.model == cell.model and config.data == cell.data
    assert beside["voc", "largefov", "with AHF", "ls"].loss.loss == "ce + 0.0004*level_set(heaviside='ahf')"


class FakeFiles(RunFiles):
    """A journal of two epochs; masks and probabilities as a run of the lab leaves them."""

    def fill(self, dataset, level: float, rng) -> None:
        self.path.mkdir()
        self.results.write_text("{}")
        self.journal.write_text(
            "".join(
                json.dumps({"epoch": n, "loss_ce": level / n, "loss_level_set": 9 * level / n, "val_iou": 0.1 * n})
                + "\n"
                for n in (1, 2)
            )
        )
        records = dataset.records("test")
        maps = [
            rng.integers(0, len(dataset.classes), dataset.labels(record).shape).astype("uint8") for record in records
        ]
        for path in (self.masks, self.refined_masks):
            save_masks(path, [record.id for record in records], maps, num_classes=len(dataset.classes))
        kept = {record.id: rng.dirichlet(np.ones(len(dataset.classes)), (16, 16)) for record in records[:3]}
        save_probabilities(self.probabilities, kept)


def test_figures_3_to_7_from_what_runs_leave_behind(tmp_path):
    """Figures are drawn from the files of jobs; the figure of an incomplete job is left out."""
    options = data_options(synthetic_size=32, synthetic_counts=(4, 2, 4), parts=True)
    config = TrainConfig(data=options)
    dataset, rng, jobs, rows = open_dataset(options), np.random.default_rng(0), [], []
    unet = condition("portraits", "unet", "ls")
    for number, one in enumerate([
        unet, unet.under("ce"), unet.changed("with AHF"),
        *(condition("portraits", *words) for words in (("fcn32s", "ls"), ("fcn32s", "ce"), ("fcn8s", "ce"))),
    ]):  # fmt: skip
        files = FakeFiles(tmp_path / f"job{number}")
        files.fill(dataset, 1.0 + number, rng)
        jobs.append(Job(one, 1, config, files.path))
        scores = rng.uniform(0, 1, 4).tolist()
        rows.append(
            Row(
                condition=one,
                seed=1,
                job=files.path.name,
                iou=0.5,
                iou_image=0.5,
                accuracy=0.5,
                matrix=[[1]],
                best_epoch=1,
                epochs=2,
                seconds=1.0,
                foreground=0.5,
                images=scores,
            )  # fmt: skip
        )
    results = dataclasses.replace(results_of({}), rows=rows, scale="smoke")
    plots = {plot.title: plot for plot in figures(jobs, results, unet.under(""))}
    assert list(plots) == [
        "Figure 4 (a): cross-entropy in training", "Figure 4 (b): level set energy in training",
        "Figure 4 (c): validation mIoU", "Figure 5: Heaviside functions, portraits unet",
        "Figure 3: probabilities, portraits unet", "Figure 7: portraits unet",
        "Figure 3: probabilities, portraits fcn32s", "Figure 6: portraits fcn32s",
    ]  # fmt: skip
    (jobs[1].path / "results.json").unlink()
    left = [plot.title for plot in figures(jobs[:2], results, unet.under(""))]
    assert "Figure 4 (a): cross-entropy in training" in left and "Figure 7: portraits unet" not in left


def test_heat_is_blue_for_0_and_red_for_1():
    assert heat(np.array([[0.0, 1.0]]), (1, 2)).tolist() == [[[0, 0, 127], [127, 0, 0]]]
