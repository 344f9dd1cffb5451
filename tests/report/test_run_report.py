"""The report: complete, self-contained, safe against odd names, and there for unfinished and broken runs too."""

import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from jinja2 import UndefinedError
from PIL import Image
from small_run import make_run

from kseg.datasets import data_options
from kseg.errors import Failure, UsageError
from kseg.models import model_options
from kseg.report import plots, write_report
from kseg.report.advice import (
    advice_to_go_on,
    findings,
    longer_command,
    next_commands,
    repeat_command,
    with_flag,
)
from kseg.report.canvas import INK
from kseg.report.page import environment, render
from kseg.report.pictures import (
    Picture,
    choose,
    data_url,
    display_size,
)  # fmt: skip
from kseg.report.run_report import count
from kseg.report.scores.semantic import calibration_curve, confusion, threshold_curve
from kseg.report.settings import applicable
from kseg.tasks import TASKS
from kseg.tasks.mistakes import FALSE_NEGATIVE, FALSE_POSITIVE, MIXED_UP
from kseg.tasks.semantic import SemanticEvaluation
from kseg.tasks.semantic.mistakes import error_shares, show_errors
from kseg.training.config import TrainConfig, resolve
from kseg.training.curve import still_rising
from kseg.training.record import read_run


class Reader(HTMLParser):
    """Collects what a test asks about, and whether every element is closed."""

    VOID = {"meta", "link", "input", "br", "img", "path", "use", "rect"}

    def __init__(self, html):
        super().__init__()
        self.open, self.attributes, self.text = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag, name):
        return [attributes[name] for found, attributes in self.attributes if found == tag and name in attributes]


@pytest.fixture(scope="module")
def binary_run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "binary")


@pytest.fixture(scope="module")
def binary(binary_run):
    return write_report(binary_run).read_text()


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return write_report(make_run(tmp_path_factory.mktemp("runs") / "parts", parts=True)).read_text()


@pytest.mark.parametrize("kind", ["binary", "parts"])
def test_page_is_well_formed_and_needs_nothing_from_outside(kind, request):
    html = request.getfixturevalue(kind)
    reader = Reader(html)
    assert reader.open == []
    for tag, attributes in reader.attributes:
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes[name])
    assert not re.search(r"url\((?!#)|@import|<script", html)
    ids = [attributes["id"] for tag, attributes in reader.attributes if tag in ("section", "input", "div")
           if "id" in attributes]  # fmt: skip
    assert len(ids) == len(set(ids))


def test_headline_is_the_evaluations(binary_run, binary):
    score = json.loads((binary_run / "results.json").read_text())["evaluation"]["scores"]["iou_dataset"]
    assert f'<div class="score">{score:.3f}</div>' in binary
    assert "1.23 M" in binary and "9.0 s" in binary and "4 of 6" in binary


def test_worst_images_are_one_click_away_and_open(binary):
    reader = Reader(binary)
    assert reader.all("a", "href")[0] == "#images"
    checked = [attributes["id"] for tag, attributes in reader.attributes if tag == "input" and "checked" in attributes]
    assert checked == ["tab-worst"]
    assert len(reader.all("img", "src")) == (6 + 4 + 4) * 4  # groups × panels
    shown = re.findall(r"<b>IoU ([\d.]+)</b>", binary)
    assert shown[:6] == sorted(shown[:6]) and float(shown[10]) == max(map(float, shown))


def test_binary_has_threshold_and_calibration_and_classes_have_not(binary, parts):
    titles = {html: set(re.findall(r"<h3>([^<]+)</h3>", html)) for html in (binary, parts)}
    both = {"IoU by class", "IoU of single images", "Confusion", "Loss (iou)", "IoU", "Environment"}
    assert both <= titles[binary] and both <= titles[parts]
    assert titles[binary] - titles[parts] == {"Threshold", "Calibration"}
    assert "another class" in parts and "another class" not in binary


def test_text_is_escaped(binary):
    assert "kept 3, &lt;random&gt; 1" in binary and "<random>" not in binary


def test_templates_escape_all_text_and_miss_no_value():
    parts = environment().get_template("parts.html").module
    assert "<b>&lt;i&gt;</b>" in parts.table(["<u>"], [["<i>"]], {(0, 0)}) and "<u>" not in parts.table(["<u>"], [])
    assert parts.command("a <b>") == "<pre><span>a</span> <span>&lt;b&gt;</span></pre>\n"
    with pytest.raises(UndefinedError, match="title"):
        render("run.html")


def test_dark_mode_reaches_the_plots(binary):
    assert INK not in binary and "currentColor" in binary


def test_a_run_that_was_stopped_has_curves_and_no_scores(tmp_path):
    html = write_report(make_run(tmp_path / "run", measured=False)).read_text()
    assert "Loss (iou)" in html and "has not been measured" in html
    assert "<img" not in html and 'id="scores"' not in html


def test_a_test_split_that_is_void_throughout_has_no_figures(tmp_path):
    run = make_run(tmp_path / "run")
    results = json.loads((run / "results.json").read_text())
    for name in ("confusion_matrices", "histogram"):
        results["evaluation"][name] = np.zeros_like(results["evaluation"][name]).tolist()
    (run / "results.json").write_text(json.dumps(results))
    html = write_report(run).read_text()
    assert "Every pixel of the 14 test images is void: there is nothing to measure." in html
    assert "nan" not in "".join(Reader(html).text) and Reader(html).open == []
    assert 'class="score"' not in html and "test images" in html


def test_a_run_before_its_first_epoch(tmp_path):
    html = write_report(make_run(tmp_path / "run", epochs=0, measured=False)).read_text()
    assert "No epoch has been finished" in html and Reader(html).open == []


@pytest.mark.parametrize(("rule", "kept"), [("last epoch", 3), ("validation loss", 2)])
def test_a_run_without_a_score_to_choose_by_says_what_decided(tmp_path, rule, kept):
    run = make_run(tmp_path / "run")
    scores = None if rule == "last epoch" else 1.0
    entries = [
        {"epoch": number, "loss": 1.0, "iou": 0.5, "val_loss": loss, "val_iou": scores}
        for number, loss in enumerate((0.5, 0.4, 0.45), start=1)
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    results = json.loads((run / "results.json").read_text())
    (run / "results.json").write_text(json.dumps({**results, "kept_by": rule}))
    html = write_report(run).read_text()
    assert f"The weights of epoch {kept} of 3 were kept, by the {rule}:" in html
    assert f"{kept} of 3" in html and "was highest" not in html and "No epoch" not in html


def test_without_the_model_the_page_says_so(tmp_path):
    run = make_run(tmp_path / "run")
    (run / "model.keras").unlink()
    html = write_report(run).read_text()
    assert "No pictures: " in html and "holds no model.keras" in html
    assert "Threshold" in html


def test_when_the_data_changed_the_page_says_so(tmp_path):
    run = make_run(tmp_path / "run")
    results = json.loads((run / "results.json").read_text())
    results["evaluation"]["ids"] = [f"gone{i}" for i in range(14)]
    (run / "results.json").write_text(json.dumps(results))
    assert "no longer holds gone" in write_report(run).read_text()


def test_not_a_run(tmp_path):
    with pytest.raises(UsageError, match="no run directory"):
        write_report(tmp_path)


def test_half_a_file_is_named(tmp_path):
    run = make_run(tmp_path / "run", measured=False)
    (run / "metrics.jsonl").write_text('{"epoch": 1, "los')
    with pytest.raises(Failure, match=r"metrics\.jsonl cannot be read"):
        write_report(run)
    assert not (run / "report.html").exists()


# --- pictures


def evaluation_of(classes, matrices, **options):
    """Of images i0, i1 …, a confusion matrix each."""
    matrices = np.array(matrices, np.int64)
    ids = tuple(f"i{number}" for number in range(len(matrices)))
    circumstances = {"dataset": "synthetic", "split": "test", "original_size": True, "seconds": 1.0}
    return SemanticEvaluation(classes=classes, ids=ids, matrices=matrices, histogram=None, **circumstances, **options)


def evaluation_with(ious):
    """Ten pixels an image: I hits, 10 − I misses give IoU = I / 10; None: no valid pixel."""
    matrices = [[[0, 0], [0, 0]] if iou is None else [[5, 0], [10 - iou, iou]] for iou in ious]
    return evaluation_of(("background", "face"), matrices)


def test_choice_of_images():
    chosen = choose(evaluation_with([9, 1, None, 5, 3, 7, 0, 2, 4, 6, 8, 10]))
    # ranked: 0 1 2 3 4 5 6 7 8 9 10 tenths, at the indices 6 1 7 4 8 3 9 5 10 0 11
    assert chosen["worst"] == [6, 1, 7, 4, 8, 3]
    assert chosen["median"] == [4, 8, 3, 9]
    assert chosen["best"] == [11, 0, 10, 5]


def test_choice_among_few():
    assert choose(evaluation_with([5, 3])) == {"worst": [1, 0], "median": [1, 0], "best": [0, 1]}
    assert choose(evaluation_with([None])) == {"worst": [], "median": [], "best": []}


def test_errors_have_three_colors_and_void_has_none():
    truth = np.array([[0, 1, 1, 255, 0]])
    prediction = np.array([[1, 0, 2, 1, 0]])
    shown = show_errors(np.zeros((1, 5, 3), np.uint8), truth, prediction)[0]
    for pixel, color in zip(shown, (FALSE_POSITIVE, FALSE_NEGATIVE, MIXED_UP), strict=False):
        # 0.85 of the color over gray 110
        np.testing.assert_allclose(pixel, 0.85 * np.array(color) + 0.15 * 110, atol=1)
    assert shown[3].tolist() == shown[4].tolist() == [110, 110, 110]


def test_without_background_every_error_is_a_mix_up():
    truth, prediction = np.array([[0, 1, 1, 255]]), np.array([[1, 0, 2, 1]])
    shown = show_errors(np.zeros((1, 4, 3), np.uint8), truth, prediction, background=False)[0]
    np.testing.assert_allclose(shown[:3], [0.85 * np.array(MIXED_UP) + 0.15 * 110] * 3, atol=1)
    matrix = np.array([[50, 4, 6], [10, 20, 3], [2, 1, 4]])  # of 100 pixels
    assert error_shares(matrix, background=False) == pytest.approx({"another class": 0.26})
    assert error_shares(matrix, background=True) == pytest.approx(
        {"too much": 0.10, "missed": 0.12, "another class": 0.04}
    )
    assert error_shares(np.array([[7, 1], [2, 0]]), background=True) == pytest.approx({"too much": 0.1, "missed": 0.2})
    names, palette = ("sky", "road", "car"), ((9, 9, 9), (1, 1, 1), (2, 2, 2))
    evaluation = evaluation_of(names, matrix[None], background=False)
    picture = Picture("a", ("IoU", 0.5), evaluation.mistakes(0), 1, {}, (4, 4))
    parts = environment().get_template("parts.html").module
    legend = TASKS["semantic"].legend(names, palette, background=False)
    page = parts.gallery({"worst": [picture]}, {"worst": "Worst"}, legend)
    assert "26.0 % another class" in page and "sky" in page and "too much" not in page


@pytest.mark.parametrize(("classes", "folded"), [(4, False), (133, True)])
def test_the_colors_of_many_classes_are_folded(classes, folded):
    parts = environment().get_template("parts.html").module
    page = parts.legend([(f"class {index}", (index, 0, 0)) for index in range(classes)])
    assert all(f"class {index}" in page for index in range(classes))
    assert (f"<summary>What {classes} colors mean</summary>" in page) == folded == page.count("</details>")


def test_a_picture_that_hardly_compresses_is_written_too():
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    content = base64.b64decode(data_url(noise).removeprefix("data:image/jpeg;base64,"))
    assert len(content) > 240 * 320  # more bytes than pixels
    assert Image.open(io.BytesIO(content)).size == (320, 240)


def test_display_size():
    assert display_size((64, 128)) == (128, 256)  # enlarged by whole numbers
    assert display_size((1000, 500)) == (320, 160)
    assert display_size((5000, 1)) == (320, 1)


# --- plots


def test_plots_survive_what_real_runs_do():
    entries = [
        {"epoch": 1, "loss": float("nan"), "val_loss": None},
        {"epoch": 2, "loss": 3.0},
        {"epoch": 3, "loss": -1.0},
    ]
    assert plots.learning_curve(entries, "loss", "Loss", best=2) is not None
    assert plots.learning_curve(entries, "iou", "IoU", best=None) is None
    perfect = np.zeros((2, 256), np.int64)
    perfect[0, 0] = perfect[1, 255] = 10
    for histogram in (perfect, np.zeros((2, 256), np.int64)):
        assert "<svg" in threshold_curve(histogram).svg and "<svg" in calibration_curve(histogram).svg
    assert "absent" not in plots.class_bars(evaluation_with([5])).text


def test_images_that_are_all_right_have_a_distribution(recwarn):
    right = evaluation_of(("a", "b"), [np.eye(2)] * 2)
    assert plots.image_distribution(right).svg and not recwarn.list


def test_odd_names_are_drawn_as_they_are():
    evaluation = evaluation_with([5])
    odd = evaluation_of(("$a_", "<b>$"), evaluation.matrices)
    assert "<svg" in plots.class_bars(odd).svg
    curve = plots.learning_curve([{"epoch": 1, "loss": 1.0}], "loss", 'Loss ("x" < $y$)', best=None)
    assert Reader(curve.svg).all("svg", "aria-label") == ['Loss ("x" < $y$)']


def test_many_classes_fit():
    names = tuple(f"a class with a long name {i}" for i in range(30))
    matrices = np.random.default_rng(0).integers(0, 9, (4, 30, 30))
    matrices[:, 7] = matrices[:, :, 7] = 0  # absent everywhere
    evaluation = evaluation_of(names, matrices)
    assert confusion(evaluation).svg and plots.class_bars(evaluation).svg


# --- advice


def test_findings_follow_from_numbers(tmp_path):
    run = read_run(make_run(tmp_path / "late", epochs=3, measured=False))
    # val_iou rises until epoch 4
    assert findings(run)[0].startswith("Validation IoU was still rising when training ended after 3 epochs")
    run = read_run(make_run(tmp_path / "over", epochs=9, measured=False))
    assert findings(run)[0].startswith("Validation IoU was highest after epoch 4 of 9 (0.800)")


def test_commands(binary_run, tmp_path):
    run = read_run(binary_run)
    assert repeat_command(run) == "python train.py --model tiny --loss iou --workdir 'a b'"
    commands = dict(next_commands(run))
    assert commands["See what the loss does"] == f"python train.py --model tiny --loss bce --workdir {run.path}-bce"
    assert commands["Measure another split"] == f"kseg evaluate {run.path} --split validation"  # of the run's own data
    late = dict(next_commands(read_run(make_run(tmp_path / "late", epochs=3, measured=False))))
    assert late["Train longer"] == "python train.py --model tiny --loss iou --workdir 'a b' --epochs 6"  # the same run
    assert "Train longer" not in dict(next_commands(read_run(make_run(tmp_path / "over", epochs=9, measured=False))))


@pytest.mark.parametrize(
    ("scores", "rising"),
    [
        ([0.2, 0.5, 0.7], True),
        ([0.2, 0.5, 0.505], False),  # the last epoch is the best, by less than a point
        ([0.2, 0.7, 0.6], False),
        ([0.5], False),
        ([0.1] * 22 + [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.65, 0.66], True),  # best within the last tenth
        ([0.1] * 20 + [0.2, 0.3, 0.7, 0.5, 0.6, 0.6, 0.65, 0.66], False),
        ([float("nan"), float("nan"), 0.3], True),
        ([None, float("nan"), float("nan")], False),
    ],
)
def test_a_curve_that_was_cut_short(scores, rising):
    assert still_rising([{"epoch": i, "val_iou": score} for i, score in enumerate(scores, 1)]) is rising


def test_the_line_at_the_end_of_training(tmp_path):
    run = read_run(make_run(tmp_path / "late", epochs=3, measured=False))
    assert advice_to_go_on(run) == f"validation IoU was still rising; go on with: {longer_command(run)}"
    run.environment["command"] = "/usr/bin/kseg train --epochs 3"
    assert longer_command(run) == f"kseg train --epochs 6 --workdir {run.path}"
    run.config["training"]["epochs"] = 50  # patience ended it: more epochs would change nothing
    assert advice_to_go_on(run) is None


def test_settings_are_those_that_apply():
    config = resolve(TrainConfig(data_options("lfw"), model_options("unet")), image_size=(64, 64)).to_json()
    shown = applicable(config)
    assert {"hair", "size", "limit"} <= shown["data"].keys()
    assert not {"colors", "synthetic_size", "border", "year", "classes"} & shown["data"].keys()
    assert "base_width" in shown["model"] and not {"skips", "head_width", "weights"} & shown["model"].keys()
    assert "poly_power" in shown["training"] and not {"momentum", "l2_decay", "preset"} & shown["training"].keys()
    assert not {"border_weight", "border_sigma"} & shown["loss"].keys()
    assert shown["augment"] == {"augment": "none"}
    config["augment"] |= {"flip": True, "rotate": 10.0}
    config["training"] |= {"optimizer": "sgd", "schedule": "constant"}
    shown = applicable(config)
    assert shown["augment"] == {"flip": True, "rotate": 10.0}
    assert {"momentum", "l2_decay"} <= shown["training"].keys() and "poly_power" not in shown["training"]


def test_with_flag_replaces_both_spellings():
    words = ["train.py", "--loss=iou", "--workdir", "x", "--hair", "--weight_decay", "0"]
    assert with_flag(words, "loss", "bce") == ["train.py", "--hair", "--weight_decay", "0", "--loss", "bce"]


def test_figures_are_readable():
    assert [count(n) for n in (28, 1234, 731_000, 138_357_544, 4.11e8)] == ["28", "1.23 k", "731 k", "138 M", "411 M"]
