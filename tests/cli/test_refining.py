"""`--crf` of `kseg predict` and `kseg evaluate` writes what `dense_crf` gives."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kseg.cli.main import main
from kseg.cli.refining import Refining
from kseg.inference import load_model, predict_probabilities
from kseg.postprocess import CRF_PARAMETERS, crf_parameters, dense_crf

STRONG = ["w1=10", "sigma1=2", "iterations=5"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
    from small_run import make_run

    return make_run(tmp_path_factory.mktemp("refining") / "run")


@pytest.fixture
def photo(tmp_path):
    """Two noisy halves, of another size than the network's."""
    pixels = np.random.default_rng(0).normal(60, 40, (40, 56, 3))
    pixels[:, 30:] += 130
    path = tmp_path / "photo.png"
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return path


def test_predict_writes_what_the_crf_gives_at_the_images_size(run, photo, tmp_path, capsys):
    flags = ["--crf", "--crf-parameters", *STRONG, "--probabilities", "npy", "--no-overlays"]
    assert main(["predict", str(run), str(photo), "--out", str(tmp_path / "out"), *flags]) == 0
    assert f"dense CRF, {crf_parameters(STRONG)}" in capsys.readouterr().out
    image = np.asarray(Image.open(photo))
    model, card = load_model(run)
    (before,) = predict_probabilities(model, [image], card.image_size)
    expected = dense_crf(image, before, crf_parameters(STRONG))
    written = np.load(tmp_path / "out" / "photo_probabilities.npy")
    np.testing.assert_allclose(written, expected, atol=1e-5)
    mask = np.asarray(Image.open(tmp_path / "out" / "photo.png"))
    np.testing.assert_array_equal(mask, expected[..., -1] >= 0.5)
    assert not np.array_equal(mask, before[..., -1] >= 0.5)


def test_evaluate_counts_behind_the_crf_in_a_folder_of_its_own(run, capsys):
    assert main(["evaluate", str(run)]) == 0
    assert main(["evaluate", str(run), "--crf", "--crf-parameters", *STRONG]) == 0
    assert f"refined   dense CRF, {crf_parameters(STRONG)}" in capsys.readouterr().out
    plain, refined = (
        json.loads((run / name / "evaluation.json").read_text())
        for name in ("evaluation-synthetic-test", "evaluation-synthetic-test-crf-w1=10-sigma1=2-iterations=5")
    )
    assert refined["refined"] == f"dense CRF, {crf_parameters(STRONG)}" and "refined" not in plain
    assert np.sum(refined["confusion_matrix"]) == np.sum(plain["confusion_matrix"])
    assert refined["confusion_matrix"] != plain["confusion_matrix"]


def test_the_folder_is_named_after_the_parameters_however_they_are_written():
    parts = Refining(crf=True, crf_parameters=("deeplab_v2_vgg16",)).parts()
    assert parts == Refining(crf=True, crf_parameters=("w1=2", "sigma1=2.0", "sigma_alpha=65")).parts()
    assert parts == ["crf", "w1=2", "sigma1=2", "sigma_alpha=65"]
    assert Refining(crf=True).parts() == ["crf"] and Refining().parts() == []


def test_the_help_names_every_set_of_parameters(capsys):
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    said = "".join(capsys.readouterr().out.split())  # names may be broken at the end of a line
    assert all(name in said for name in CRF_PARAMETERS)


def test_tuned_parameters_give_on_the_same_images_what_the_search_said(run, capsys):
    axes = ["--w1", "3", "--sigma1", "1", "--w2", "2", "6", "--sigma-alpha", "10", "--sigma-beta", "5", "20"]
    assert main(["crf", "tune", str(run), *axes, "--iterations", "3", "--rounds", "1"]) == 0
    said = capsys.readouterr().out
    tuned = json.loads((run / "crf_tuning.json").read_text())
    assert len(tuned["tried"]) == 4 and tuned["with"]["value"] == max(one["iou"] for one in tuned["tried"])
    flags = said.split("next: kseg ")[1].split()
    assert main([*flags, "--split", "validation"]) == 0
    (evaluation,) = run.glob("evaluation-synthetic-validation-crf-*/evaluation.json")
    assert json.loads(evaluation.read_text())["scores"]["iou_dataset"] == pytest.approx(tuned["with"]["value"])


@pytest.mark.parametrize(("flags", "sentence"), [
    (["--w2", "-1"], "--w2 is -1"),
    (["--sample", "0"], "--sample is 0"),
    (["--split", "all"], "--split"),
])  # fmt: skip
def test_a_search_that_means_nothing_is_refused(run, flags, sentence, capsys):
    assert main(["crf", "tune", str(run), *flags]) == 2
    assert sentence in capsys.readouterr().err
