"""The study of losses for masks: every job trains Mask R-CNN, and only the loss of its masks differs."""

import pytest

from kseg.lab.experiment.jobs import make_jobs
from kseg.lab.experiment.setting import Places
from kseg.lab.recipe import RECIPES
from kseg.losses import LOSSES
from kseg.tasks import TASKS
from kseg.training.config import differences
from kseg.training.network import task_of


@pytest.mark.parametrize(
    ("scale", "seeds"),
    [("smoke", {"people": 1}), ("cpu", {"people": 3, "coco by heart": 2}), ("laptop", {"coco": 3})],
)
def test_jobs_on_the_same_images_differ_in_the_loss_of_masks_alone(scale, seeds, tmp_path):
    jobs = make_jobs(tmp_path, RECIPES["mask_losses"].at(scale, Places()))
    assert {job.condition.dataset for job in jobs} == set(seeds)
    for job in jobs:
        assert task_of(job.config) is TASKS["instance"]
        TASKS["instance"].check_losses(str(job.config.loss.loss))
        assert job.config.loss.loss == f"mask={job.condition.loss.replace('+', ' + ')}"
    for dataset, count in seeds.items():
        on_it = [job for job in jobs if job.condition.dataset == dataset]
        assert len(on_it) == count * len({job.condition.loss for job in on_it})
        first, *others = [job for job in on_it if job.seed == 1]
        for other in others:
            changed = differences(first.config.to_json(), other.config.to_json())
            assert len(changed) == 1 and changed[0].startswith("loss.loss")


def test_it_asks_what_is_asked_of_masks():
    asked = {job.condition.loss for job in RECIPES["mask_losses"].at("cpu", Places())}
    assert asked == {"bce", "dice", "bce+dice", "lovasz", "iou", "boundary"}
    assert {name for spec in asked for name in spec.split("+")} <= set(LOSSES)
