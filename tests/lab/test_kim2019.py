"""Kim et al. 2019 as a recipe: what is run, what the paper prints, and how its claims are judged."""

import dataclasses

import pytest

from kseg.lab.experiment.setting import Places
from kseg.lab.recipe import RECIPES
from kseg.lab.recipes.kim2019.printed import OTHER_LOSSES, STEP, TABLES, TIMES
from kseg.lab.recipes.kim2019.recipe import condition
from kseg.lab.results.rows import Results, Row

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
    settings = {setting.condition.words: setting.config for setting in RECIPE.at("cpu", Places(weights={"": "none"}))}
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
