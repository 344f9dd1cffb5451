"""A run of a network that finds objects, from the command to the report: what asks the task and not for label maps."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import warm
from finding_objects import FLAGS, LARGE, finding  # noqa: F401  (a fixture)
from PIL import Image

from kseg.cli.exit_codes import INTERRUPTED
from kseg.cli.main import main
from kseg.datasets import data_options
from kseg.inference import load_model
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import make_job
from kseg.lab.experiment.setting import Setting
from kseg.lab.results.collect import read_row
from kseg.lab.results.rows import Results, figure_of
from kseg.lab.results.stored import load_results
from kseg.lab.running.worker import Images, run_job
from kseg.lab.tables.losses import loss_table
from kseg.models import model_options
from kseg.report import write_report
from kseg.tasks.instance import InstanceEvaluation
from kseg.training.callbacks import BestWeights
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions
from kseg.training.record import read_run
from kseg.training.trained import Trained


@pytest.fixture(scope="module")
def trained(finding, tmp_path_factory):  # noqa: F811
    path = tmp_path_factory.mktemp("runs") / "run"
    assert main([*finding, "--epochs", "3", "--workdir", str(path)]) == 0
    return path


@pytest.fixture
def run(trained, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(trained, tmp_path / "run")


def test_from_the_command_to_the_report(run, capsys):
    # 1. every epoch has an AP of all validation images together
    entries = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [entry["epoch"] for entry in entries] == [1, 2, 3]
    assert all(entry["val_ap"] == pytest.approx(1.0) and entry["val_ap50"] == pytest.approx(1.0) for entry in entries)
    results = json.loads((run / "results.json").read_text())
    assert results["kept_by"] == "validation mask AP"

    # 2. the run is read as what it is
    record = read_run(run)
    assert isinstance(record.evaluation, InstanceEvaluation) and record.task.name == "instance"
    assert record.best["epoch"] == results["best_epoch"]
    assert record.evaluation.masks["AP"] == pytest.approx(1.0) and record.evaluation.boxes["AP"] < 0.2

    # 3. the report shows pictures, scores, curves and commands of objects
    html = (run / "report.html").read_text()
    assert 'class="score">1.000</div><p class="soft">test mask AP' in html
    titles = set(re.findall(r"<h3>([^<]+)</h3>", html))
    assert {"Mask AP by class", "AP of single images", "AP by overlap and size", "Objects found", "Mask AP"} <= titles
    assert "IoU by class" not in titles and "Confusion" not in titles
    assert html.count("<b>AP 1.000</b>") == 5 + 4 + 4  # worst, median and best of five images
    assert "objects: " in html and "too much" in html and "<span>--loss</span> <span>&#39;mask=bce</span>" in html


def test_it_is_measured_again(run, tmp_path, capsys):
    out = tmp_path / "measured"
    capsys.readouterr()
    assert main(["evaluate", str(run), "--split", "validation", "--pictures", "2", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "AP_class" in said and re.search(r"\n  round +1\.0000", said)
    assert {path.name for path in out.iterdir()} == {"evaluation.json", "per_image.csv", "per_class.csv", "worst"}
    pictures = sorted((out / "worst").iterdir())
    worst = [line.split(",")[0] for line in (out / "per_image.csv").read_text().splitlines()[1:3]]
    assert [path.name for path in pictures] == [f"0{rank}_{name}.png" for rank, name in enumerate(worst, 1)]
    assert np.array(Image.open(pictures[0])).shape == (LARGE[0], 4 * LARGE[1] + 3 * 4, 3)


def test_a_run_without_scores_yet_has_curves(run):
    (run / "results.json").unlink()
    write_report(run)
    html = (run / "report.html").read_text()
    assert "<h3>Mask AP</h3>" in html and "has not been measured" in html
    assert "Validation mask AP was highest after epoch" in html


def test_a_run_that_was_stopped_ends_as_one_that_was_not(trained, finding, tmp_path):  # noqa: F811
    path = tmp_path / "stopped"
    flags = [*finding, "--workdir", str(path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BestWeights, "on_test_end", stops_in_epoch(2))
        assert main([*flags, "--epochs", "3"]) == INTERRUPTED
    assert len((path / "metrics.jsonl").read_text().splitlines()) == 1
    assert main([*flags, "--epochs", "3"]) == 0

    both = [
        [without_seconds(json.loads(line)) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        for folder in (trained, path)
    ]
    assert both[0] == both[1] and all("val_ap" in entry for entry in both[0])
    weights = [load_model(folder)[0].get_weights() for folder in (trained, path)]
    assert len(weights[0]) == 1
    np.testing.assert_array_equal(*(each[0] for each in weights))


def stops_in_epoch(number):
    save = BestWeights.on_test_end

    def on_test_end(self, logs=None):
        if len(self.history.entries) + 1 == number:
            raise KeyboardInterrupt
        save(self, logs)

    return on_test_end


def without_seconds(entry):
    return {name: value for name, value in entry.items() if name != "seconds"}


def test_the_validation_of_an_epoch_predicts_once(finding, tmp_path, monkeypatch):  # noqa: F811
    """The scores are of the outputs of which the validation loss is."""
    monkeypatch.setattr(Trained, "predict_on_batch", None)
    path = tmp_path / "run"
    assert main([*finding, "--epochs", "1", "--workdir", str(path)]) == 0
    (entry,) = (json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines())
    assert entry["val_ap"] == pytest.approx(1.0) and not {"outputs", "val_outputs"} & {*entry}


OVER_TWO_DEVICES = """
import sys
import pytest
import tensorflow as tf
from finding_objects import registered
from kseg.cli.main import main

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
with pytest.MonkeyPatch.context() as patch:
    registered(patch)
    sys.exit(main(sys.argv[1:]))
"""


def test_over_two_devices_every_output_is_compared_with_its_own_truth(tmp_path):
    """Five validation images in batches of two."""
    path, here = tmp_path / "run", str(Path(__file__).parent)
    flags = [*FLAGS, "--distribute", "mirrored", "--epochs", "2", "--workdir", str(path)]
    done = warm.run(["-c", OVER_TWO_DEVICES, *flags], PYTHONPATH=here)
    assert done.returncode == 0, done.stderr
    entries = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    assert [entry["val_ap"] for entry in entries] == [pytest.approx(1.0)] * 2


def test_half_precision_is_scored_like_single(finding, tmp_path):  # noqa: F811
    path = tmp_path / "half"
    assert main([*finding, "--epochs", "1", "--precision", "mixed_bfloat16", "--workdir", str(path)]) == 0
    assert read_run(path).evaluation.masks["AP"] == pytest.approx(1.0)


def test_a_job_of_the_lab_is_a_row_and_its_results_are_read_back(finding, tmp_path):  # noqa: F811
    config = TrainConfig(
        data=data_options("scenes"),
        model=model_options("finding", image_size=LARGE),
        loss=LossOptions("bce"),
        training=TrainingOptions(epochs=2, batch_size=2, learning_rate=0.05),
    )
    jobs = [
        make_job(tmp_path, Setting(Condition(dataset="scenes", loss=loss), config), seed=1) for loss in ("bce", "dice")
    ]
    said = [run_job(job, Images()).score for job in jobs[:1]]
    assert said == ["mask AP 1.0000"] and {path.name for path in jobs[0].path.iterdir()} >= {"results.json"}
    row = read_row(jobs[0])
    assert (row.task, row.iou, row.matrix) == ("instance", None, [])
    assert row.score == pytest.approx(1.0) and row.figures["AP75"] == pytest.approx(1.0) and len(row.curve) == 2
    assert figure_of([row], "score") == row.score and np.isnan(figure_of([row], "iou"))

    other = dataclasses.replace(
        row, condition=Condition(dataset="scenes", loss="dice"), figures={**row.figures, "score": 0.5, "APs": None}
    )
    results = Results("mask_losses", "smoke", "command", {}, [row, other], {}, 0)
    results.save(tmp_path / "results.json")
    assert load_results(tmp_path / "results.json") == results
    table = loss_table(results)
    assert table.rows == [["bce", "1.0", "1.000"], ["dice", "2.0", "0.500"]] and "Test mask AP, mean" in table.caption
    broken = dataclasses.replace(row, figures={})
    with pytest.raises(ValueError, match="have no score"):
        dataclasses.replace(results, rows=[broken]).check()
