"""Loss schedules from text."""

import pytest

from kseg.cli.losses import show
from kseg.errors import UsageError
from kseg.losses.schedule import Stage, is_schedule, parse_schedule, stage_at


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("ce", [(0, "ce")]),
        ("ce for 5 epochs, then ce + lovasz", [(0, "ce"), (5, "ce + lovasz")]),
        (
            " bce for 1 epoch ,then 0.5*dice(smooth=1, squared=True) for 20 epochs, then iou",
            [(0, "bce"), (1, "0.5*dice(smooth=1, squared=True)"), (21, "iou")],
        ),
        ("ce For 5 Epochs, Then ce + lovasz", [(0, "ce"), (5, "ce + lovasz")]),
        ("ce for 5 epochs then lovasz", [(0, "ce"), (5, "lovasz")]),
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
        ("ce for 5 epochs, then", "nothing comes after 'then'"),
        ("ce for 5 epochs, lovasz", "loss schedule .* more than one stage"),
        ("ce for 5 Epochs; lovasz", "loss schedule .* more than one stage"),
        ("ce for 5 epochs for 3 epochs, then lovasz", "loss schedule .* more than one stage"),
        ("", "no sum of losses"),
    ],
)
def test_what_cannot_be_followed_is_answered(text, says):
    with pytest.raises(UsageError, match=says):
        parse_schedule(text)


def test_what_is_meant_as_a_schedule_is_known_as_one():
    assert is_schedule("ce for 5 epochs, then lovasz") and is_schedule("ce For 5 epoch, lovasz")
    assert not is_schedule("ce + 0.5*dice(smooth=1)")


def test_show_takes_no_schedule():
    with pytest.raises(UsageError, match="show takes one loss or a sum, not the schedule .* one by one"):
        show("ce for 5 epochs, then lovasz")
