"""`kseg losses`: a table as wide as the terminal, docstrings, and pictures of the right values."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from kseg.cli.losses import list_losses
from kseg.cli.main import main
from kseg.losses import LOSSES
from kseg.losses.catalogue import catalogue
from kseg.report import loss_probes as probes


def test_lists_every_loss_within_100_columns(capsys):
    assert main(["losses"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 100
    words = " ".join(shown.split())
    for entry in catalogue():
        assert entry.summary.rstrip(".") in words
        assert entry.source in words
        assert "".join(entry.formula.split()) in "".join(words.split())


def test_the_list_says_what_a_loss_takes():
    lines = []
    list_losses(lines.append)
    takes = {row.split()[0]: row.split()[1:4] for row in lines if row[:1].isalpha()}
    assert set(LOSSES) <= set(takes)
    assert takes["bce"] == ["yes", "yes", "yes"]
    assert takes["dice"] == ["yes", "yes", "-"]
    assert takes["level_set"] == ["yes", "-", "-"]


def test_a_narrow_terminal_wraps():
    lines = []
    list_losses(lines.append, width=80)
    formulas = [entry.formula for entry in catalogue()]
    longest = max(len(piece) for text in formulas for line in text.splitlines() for piece in line.split("   "))
    assert max(len(line) for text in lines for line in text.splitlines()) <= max(80, longest + 4)


@pytest.mark.parametrize(
    ("spec", "flags"),
    [
        ("iou", []),
        ("ce + 0.5*dice(pooling='batch')", []),
        ("ce(class_weights=(1, 2, 3))", ["--classes", "3"]),
        ("level_set(heaviside='hf')", []),
    ],
)
def test_show_prints_the_docstrings_and_draws(spec, flags, tmp_path, capsys):
    out = tmp_path / "loss.png"
    assert main(["losses", "show", spec, "--out", str(out), *flags]) == 0
    shown = capsys.readouterr().out
    for name in LOSSES:
        if name in spec.replace("(", " ").replace("*", " ").split():
            assert (LOSSES[name].function.__doc__ or "").splitlines()[0] in shown
    with Image.open(out) as picture:
        assert picture.size[0] > 1000
        assert np.asarray(picture.convert("L")).std() > 5  # something is drawn


def test_the_picture_is_named_after_the_loss(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["losses", "show", "ce + 4e-4*iou(pooling='image')"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["loss-ce-4e-4-iou-pooling-image.png"]
    assert "loss-ce-4e-4-iou-pooling-image.png" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "lovaz"], ["lovaz", "did you mean 'lovasz'"]),
        (["show", "ce + dise"], ["did you mean 'dice'"]),
        (["show", "dice(smoth=1)"], ["did you mean 'smooth'"]),
        (["show", "bce", "--classes", "3"], ["bce", "binary"]),
        (["show", "ce(class_weights=(1, 2, 3))"], ["class_weights", "2"]),
        (["show"], ["lacks a loss"]),
        (["shwo"], ["shwo"]),
    ],
)
def test_what_cannot_be_shown_is_said(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["losses", *arguments])
    except SystemExit as leaving:
        code = leaving.code
    assert code == 2
    complaint = capsys.readouterr().err
    assert all(word in complaint for word in words)
    assert not list(tmp_path.iterdir())


def test_curves_of_cross_entropy_are_the_textbooks():
    # n·L = softplus(∓z) + constant at the one pixel, so the gradient is p − y.
    loss, n = probes.subject("ce"), probes.HEIGHT * probes.WIDTH
    p = 1.0 / (1.0 + np.exp(-probes.LOGITS))
    for truth, at in probes.PIXELS.items():
        assert probes.truth(2)[at] == truth
        values, gradient = probes.against_logit(loss, at)
        np.testing.assert_allclose(n * gradient, p - truth, atol=1e-5)
        expected = np.logaddexp(0.0, probes.LOGITS if truth == 0 else -probes.LOGITS)
        np.testing.assert_allclose(n * (values - values[64]), expected - np.log(2.0), atol=5e-3)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_discs_are_best_in_place_and_parts_add_up(num_classes):
    loss = probes.subject("ce + 0.5*iou + 2*iou(pooling='batch')", num_classes)
    shift, radius = probes.against_shift(loss), probes.against_radius(loss)
    assert shift.x[shift.total.argmin()] == 0.0
    assert abs(radius.x[radius.total.argmin()] - probes.RADIUS) <= 0.5
    assert len(shift.parts) == 3
    np.testing.assert_allclose(sum(shift.parts.values()), shift.total)
    parts = list(shift.parts.values())
    np.testing.assert_allclose(parts[2], 4.0 * parts[1], rtol=1e-5)  # pooled over a batch of one image: the same loss


def test_the_same_part_twice_counts_twice():
    once, twice = (probes.against_shift(probes.subject(spec)).total for spec in ("iou", "iou + iou"))
    np.testing.assert_allclose(twice, 2.0 * once)


@pytest.mark.parametrize("arguments", [["--help"], ["losses", "--help"], ["losses", "show", "--help"]])
def test_help_does_not_wait_for_keras(arguments):
    script = (
        "import sys\nfrom kseg.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "found = {'keras', 'tensorflow', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {found}' if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
