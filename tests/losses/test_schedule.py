"""Loss schedules from text."""

import pytest

from kseg.errors import UsageError
from kseg.losses.schedule import Stage, parse_schedule, stage_at


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("ce", [(0, "ce")]),
        ("ce for 5 epochs, then ce + lovasz", [(0, "ce"), (5, "ce + lovasz")]),
        (
            " bce for 1 epoch ,then 0.5*dice(smooth=1, squared=True) for 20 epochs, then iou",
            [(0, "bce"), (1, "0.5*dice(smooth=1, squared=True)"), (21, "iou")],
        ),
    ],
)
def test_stages(text, stages):
    assert parse_schedule(text) == [Stage(*stage) for stage in stages]


def test_every_epoch_has_one_stage():
    stages = parse_schedule("ce for 2 epochs, then dice for 1 epoch, then iou")
    assert [stage_at(stages, epoch).spec for epoch in range(5)] == ["ce", "ce", "dice", "iou", "iou"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ce, then iou", "how many epochs"),
        ("ce for 5 epochs", "nothing comes after"),
        ("ce for 0 epochs, then iou", "no epoch"),
        ("ce for many epochs, then iou", "how many epochs"),
        ("ce for 5 epochs, then lovaz", "did you mean 'lovasz'"),
        ("ce for 5 epochs, then", "no sum of losses"),
        ("", "no sum of losses"),
    ],
)
def test_what_cannot_be_followed_is_answered(text, says):
    with pytest.raises(UsageError, match=says):
        parse_schedule(text)
