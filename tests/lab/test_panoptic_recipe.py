"""The study of panoptic losses: every job trains Panoptic FPN, and only λ_s and the loss of pixels differ."""

import pytest

from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import make_jobs
from kseg.lab.experiment.setting import Places
from kseg.lab.pages.weighed import weighed
from kseg.lab.recipe import RECIPES
from kseg.lab.results.rows import Results, Row
from kseg.tasks import TASKS
from kseg.tasks.panoptic.loss import PanopticSpec
from kseg.training.config import differences
from kseg.training.network import task_of


@pytest.mark.parametrize(("scale", "seeds"), [("smoke", 1), ("cpu", 3)])
def test_jobs_differ_in_the_loss_of_pixels_and_its_weight_alone(scale, seeds, tmp_path):
    jobs = make_jobs(tmp_path, RECIPES["panoptic"].at(scale, Places()))
    assert len(jobs) == seeds * len({job.condition for job in jobs})
    for job in jobs:
        assert task_of(job.config) is TASKS["panoptic"]
        TASKS["panoptic"].check_losses(str(job.config.loss.loss))
        told = PanopticSpec.read(str(job.config.loss.loss))
        assert (told.mask, told.lambda_i) == ("bce", 1.0)
        losses = [one.split("*")[-1].strip() for one in told.semantic.split("+")]
        assert (job.condition.weight, job.condition.loss) == (f"lambda_s={told.lambda_s:g}", "+".join(losses))
    first, *others = [job for job in jobs if job.seed == 1]
    for other in others:
        changed = differences(first.config.to_json(), other.config.to_json())
        assert len(changed) == 1 and changed[0].startswith("loss.loss")


def test_it_asks_what_is_asked_of_weights_and_losses():
    asked = {(one.condition.weight, one.condition.loss) for one in RECIPES["panoptic"].at("cpu", Places())}
    weights = {f"lambda_s={weight}" for weight in ("0.25", "0.5", "1", "2")}
    assert asked == {(weight, loss) for weight in weights for loss in ("ce", "ce+lovasz", "ce+level_set")}


def row(weight, loss, seed, pq):
    figures = {"score": pq, "PQ_things": pq - 0.1, "PQ_stuff": pq + 0.1, "SQ": 0.8, "RQ": pq / 0.8}
    factors = RECIPES["panoptic"].factors
    condition = Condition(factors=factors, dataset="people", weight=f"lambda_s={weight:g}", loss=loss)
    beside = {"best_epoch": 1, "epochs": 1, "seconds": 1.0, "images": [pq]}
    return Row(condition=condition, seed=seed, job="job", task="panoptic", figures=figures, **beside)


def test_figures_and_the_score_over_the_weight_are_shown():
    rows = [
        row(weight, loss, seed, 0.5 + 0.1 * weight + 0.05 * (loss == "ce+lovasz") + 0.01 * seed)
        for weight in (0.25, 2.0) for loss in ("ce", "ce+lovasz") for seed in (1, 2)
    ]  # fmt: skip
    shown = weighed(RECIPES["panoptic"], Results("panoptic", "cpu", "command", {}, rows, {}, 0), [])
    ranked, beside = shown.tables
    assert [line[0] for line in ranked.rows] == ["ce+lovasz", "ce"]
    assert beside.header == ["setting", "loss", "PQ", "PQ of things", "PQ of stuff", "SQ", "RQ"]
    assert beside.rows[-1][:4] == ["people lambda_s=2", "ce+lovasz", "0.765", "0.665"] and (3, 2) in beside.best
    (plot,) = shown.plots
    assert plot.title == "Score over lambda_s" and "<svg" in plot.svg
    assert weighed(RECIPES["panoptic"], Results("panoptic", "cpu", "command", {}, rows[:2], {}, 0), []).plots == []
