"""Tables, plots and report of a recipe, from jobs that were never trained: their files are written here."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from pretended import pretend

from kseg.cli.lab_report import Report
from kseg.cli.main import main
from kseg.datasets import open_dataset
from kseg.errors import Failure, UsageError
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import make_jobs
from kseg.lab.experiment.setting import Places
from kseg.lab.pages.side_by_side import examples
from kseg.lab.pages.study import make_report, markdown, write_report
from kseg.lab.recipe import RECIPES, Expected, Recipe
from kseg.lab.recipes.vanbeers2019.printed import face
from kseg.lab.results.collect import collect
from kseg.lab.results.rows import figure_of
from kseg.lab.results.stored import load_results
from kseg.lab.selection import stored_results
from kseg.lab.statistics.pairs import paired_rows
from kseg.lab.tables.losses import loss_table, mean_rank
from kseg.lab.tables.paper_and_ours import paper_table
from kseg.lab.tables.tests import comparison_tables
from kseg.lab.verify import verify
from kseg.training.workdir import WorkDir

VANBEERS, STUDY, AMADI = RECIPES["vanbeers2019"], RECIPES["loss_study"], RECIPES["amadi"]


@pytest.fixture(scope="module")
def vanbeers(tmp_path_factory):
    """The smoke settings with hair, two seeds; the IoU loss is better, one BCE job is missing, one failed."""
    folder = tmp_path_factory.mktemp("lab") / "vanbeers2019"
    jobs = make_jobs(folder, VANBEERS.at("smoke", Places()), seeds=2)
    jobs = [job for job in jobs if job.condition.hair == "hair"]
    for job in jobs:
        if job.condition.loss == "bce" and job.condition.size == "small" and job.seed == 2:
            job.record_failure("Failure", "the loss became nan")
        else:
            pretend(job, 0.05 if job.condition.loss == "iou" else 0.1)
    return jobs, collect(jobs, recipe="vanbeers2019", scale="smoke", command="kseg lab run vanbeers2019")


def test_rows_survive_their_file(vanbeers, tmp_path):
    _, results = vanbeers
    assert (len(results.rows), len(results.failures), results.missing) == (7, 1, 0)
    results.save(tmp_path / "results.json")
    assert load_results(tmp_path / "results.json") == results
    assert results.environment["commit"] == "0123456789ab"
    assert results.settings["loss.loss"] == ["iou", "bce"] and "training.seed" not in results.settings
    assert results.rows[0].curve == pytest.approx([0.55, 0.65, 0.75])
    assert results.rows[0].epochs_95 == 3  # 0.95·0.75 = 0.7125
    (tmp_path / "results.json").write_text('{"rows": [{}]}')
    with pytest.raises(Failure, match="report again"):
        load_results(tmp_path / "results.json")
    with pytest.raises(UsageError, match="no results in"):
        load_results(tmp_path / "nowhere.json")


def test_the_better_figure_is_marked_on_both_sides(vanbeers):
    _, results = vanbeers
    recipe = dataclasses.replace(VANBEERS, paper=lambda condition: {"iou": 0.9 if condition.loss == "bce" else 0.8})
    table = paper_table(results, recipe, "iou")
    assert table.header == ["setting", "paper: iou", "paper: bce", "ours: iou", "ours: bce"]
    assert table.best == {(i, column) for i in (0, 1) for column in (2, 3)}
    first = table.rows[0]
    assert first[:3] == ["unet synthetic big hair", "0.800", "0.900"]
    assert re.fullmatch(r"0\.\d{3} ± 0\.\d{3}", first[3])
    assert "±" not in table.rows[1][4]  # one seed
    lowest = paper_table(
        results,
        dataclasses.replace(recipe, paper=lambda condition: {"best_epoch": len(condition.loss) + 7}),
        "best_epoch",
    )
    assert lowest.best == set()  # 10 and 10, 3 and 3: neither is better


def test_results_of_another_optimizer_say_so(vanbeers):
    _, results = vanbeers
    assert "RMSprop, whose" not in VANBEERS.show(results).tables[0].caption
    old = dataclasses.replace(results, scale="cpu", settings={})
    new = dataclasses.replace(results, scale="cpu", settings={"training.epsilon": 1e-14})
    captions = [[table.caption for table in VANBEERS.show(rows).tables if table.title == "IoU"] for rows in (old, new)]
    assert ["These runs had Keras 3's RMSprop" in caption for found in captions for caption in found] == [True, False]


def test_tests_pair_settings_images_and_seeds(vanbeers):
    _, results = vanbeers
    settings, images, seeds = comparison_tables(results, VANBEERS)
    assert settings.rows[0][:2] == ["IoU", "2"]
    assert [row[1] for row in images.rows] == ["8", "8"]  # images of the test split
    assert all(row[-1] == "8 of 8" and row[2].startswith("+") for row in images.rows)
    assert [row[:2] for row in seeds.rows] == [["unet synthetic big hair", "2"]]  # the other has one BCE run
    assert "less error in all" in settings.caption
    # Holm: no adjusted p-value is below its own
    numbers = [(float(row[5]), float(row[6])) for table in (settings, images) for row in table.rows if row[5] != "–"]
    assert numbers and all(adjusted >= p for p, adjusted in numbers)
    one = dataclasses.replace(results, rows=[row for row in results.rows if row.condition.size == "big"])
    assert [table.title for table in comparison_tables(one, VANBEERS)] == [images.title, seeds.title]


def test_fewer_epochs_are_ahead_and_what_cannot_be_tested_is_said(vanbeers):
    _, results = vanbeers
    rows = [dataclasses.replace(row, best_epoch=2 + (row.loss == "bce") * row.seed) for row in results.rows]
    recipe = dataclasses.replace(VANBEERS, figures=("best_epoch",))
    (row,) = comparison_tables(dataclasses.replace(results, rows=rows), recipe)[0].rows
    assert row[1:4] == ["2", "−1.25", "[−4.43, +1.93]"] and row[-1] == "2 of 2"  # 2 − 3.5, 2 − 3; 12.7·0.25
    short = [dataclasses.replace(row, images=row.images[:1]) for row in results.rows]
    images = comparison_tables(dataclasses.replace(results, rows=short), VANBEERS)[1]
    assert images.rows[0][1:] == ["–"] * 8
    assert "unet synthetic big hair: a paired test needs at least 2 pairs, received 1" in images.caption


def test_only_seeds_of_both_losses_are_compared(vanbeers):
    _, results = vanbeers
    # big: seed 2 of the IoU loss is far better and has no partner; small: seed 1 against seed 2
    rows = [
        dataclasses.replace(row, iou=0.99 if row.seed == 2 else row.iou, seed=2 if row.loss == "iou" else 1)
        if row.condition.size == "small"
        else dataclasses.replace(row, iou=0.99 if (row.loss, row.seed) == ("iou", 2) else row.iou)
        for row in results.rows
        if (row.condition.size == "small") <= (row.seed == 1)
        and (row.condition.size == "big") <= ((row.loss, row.seed) != ("bce", 2))
    ]
    big, small = (face("unet", "synthetic", size, "hair") for size in ("big", "small"))
    both, left_out = paired_rows(rows, ("iou", "bce"))
    assert {setting: [[row.seed for row in side] for side in sides] for setting, sides in both.items()} == {
        big: [[1], [1]]
    }
    assert left_out == [
        "unet synthetic big hair has the seeds 1, 2 (iou) and 1 (bce); compared are 1.",
        "unet synthetic small hair has the seeds 2 (iou) and 1 (bce); left out, as none is in both.",
    ]
    (images,) = comparison_tables(dataclasses.replace(results, rows=rows), VANBEERS)
    assert all(sentence in images.caption for sentence in left_out) and len(images.rows) == 1
    alone = [row for row in rows if row.setting == small]
    (nothing,) = comparison_tables(dataclasses.replace(results, rows=alone), VANBEERS)
    assert nothing.rows == [] and left_out[1] in nothing.caption
    assert paired_rows([row for row in rows if row.loss == "iou"], ("iou", "bce")) == ({}, [])


def test_runs_on_other_images_are_refused(vanbeers):
    _, results = vanbeers
    rows = [dataclasses.replace(row, images=row.images[:7]) if row.loss == "bce" else row for row in results.rows]
    said = "unet synthetic big hair were not measured on the same .*iou seed 1: 8, .*bce seed 1: 7, bce seed 2: 7"
    with pytest.raises(UsageError, match=said):
        make_report(dataclasses.replace(results, rows=rows), VANBEERS)


def test_losses_are_ranked(vanbeers):
    _, results = vanbeers
    table = loss_table(results)
    assert [row[0] for row in table.rows] == ["iou", "bce"]
    assert [row[1] for row in table.rows] == ["1.0", "2.0"]
    assert table.best == {(0, 2), (0, 3)}
    assert "[" in table.rows[0][2] and "[" not in table.rows[1][3]  # no interval over one seed


def test_a_data_set_that_is_half_done_does_not_count_for_the_ranks(vanbeers):
    _, results = vanbeers
    worst = [row for row in results.rows if row.loss == "bce"][:1]
    done = {("a",): {"iou": results.rows[:1], "bce": worst}}
    assert [mean_rank(done | {("b",): {"bce": worst}}, loss) for loss in ("iou", "bce")] == [1, 2]


def test_the_report_is_one_file_with_everything_in_it(vanbeers, tmp_path):
    jobs, results = vanbeers
    report = make_report(results, VANBEERS, jobs)
    paths = write_report(report, tmp_path)
    assert {path.suffix for path in paths} == {".html", ".json", ".md", ".tex", ".svg", ".png"}
    assert all(path.stat().st_size > 100 for path in paths)
    html = (tmp_path / "report.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]+', html)  # nothing from outside
    assert "<script" not in html
    for expected in (
        "Learning: unet synthetic big hair",
        "Imbalance against gain",
        "test_00007",
        "the loss became nan",
        "loss.loss",
    ):
        assert expected in html
    assert "&lt;CPU&gt;" in html and "<CPU>" not in html
    assert "8 of 8 images" in html
    assert re.search(r"<figcaption>iou, seed 1: 0\.\d{3}</figcaption>", html)
    assert html.count('class="spread"') == 2
    names = re.findall(r'\bid="([^"]*)"', html)
    assert len(names) == len(set(names)) > 100
    assert set(re.findall(r'(?:href="#|url\(#)([^")]*)', html)) <= set(names)
    pictures = re.findall(r"\.(t\d+) u \{ background-image: url\(data:", html)
    assert len(pictures) == len(set(pictures)) == 8  # both settings show the same test images, which are there once
    assert all(f'class="{name}' in html for name in pictures)
    png = next(path for path in paths if path.suffix == ".png").read_bytes()
    assert png.startswith(b"\x89PNG")


def test_the_command_repeats_the_run_but_for_its_folders():
    given = Report("vanbeers2019", only="lfw,iou", seeds=2, weights=("/a/w.h5.xz", "resnet50=/b/r.h5"), processes=2)
    assert given.command == (
        "kseg lab run vanbeers2019 --scale cpu --only lfw,iou --seeds 2 --processes 2 --weights w.h5.xz resnet50=r.h5"
    )
    assert Report("amadi").command == "kseg lab run amadi --scale cpu"


def test_rows_alone_make_the_same_tables(vanbeers):
    jobs, results = vanbeers
    assert markdown(make_report(results, VANBEERS)) == markdown(make_report(results, VANBEERS, jobs))
    with pytest.raises(UsageError, match="run `kseg lab run` first"):
        make_report(dataclasses.replace(results, rows=[]), VANBEERS)


def test_the_loss_study_plots_every_data_set(vanbeers):
    _, results = vanbeers
    rows = [
        dataclasses.replace(
            row, condition=Condition(dataset=name, loss=row.loss), iou=row.iou * factor, foreground=share
        )
        for name, factor, share in (("portraits", 1.0, 0.24), ("portraits-1", 0.5, 0.01))
        for row in results.rows[:4]
    ]
    report = make_report(dataclasses.replace(results, rows=rows, recipe="loss_study"), STUDY)
    assert [plot.title for plot in report.shown.plots] == [
        "Sparse foreground",
        "Losses on portraits",
        "Losses on portraits-1",
    ]
    assert "mean rank" in markdown(report)


@pytest.fixture(scope="module")
def amadi(tmp_path_factory):
    """The smoke settings, three classes, one seed; the IoU loss is better."""
    jobs = make_jobs(tmp_path_factory.mktemp("lab") / "amadi", AMADI.at("smoke", Places()))
    for job in jobs:
        pretend(job, 0.05 if job.condition.loss == "iou" else 0.1)
    return jobs, collect(jobs, recipe="amadi", scale="smoke", command="kseg lab run amadi")


def test_a_single_setting_has_one_table_of_all_figures(amadi):
    jobs, results = amadi
    recipe = dataclasses.replace(
        AMADI, paper=lambda condition: AMADI.paper(dataclasses.replace(condition, dataset="pets"))
    )
    table, _, lowest = recipe.show(results).tables
    assert [row[0] for row in table.rows] == ["IoU", "accuracy", "accuracy in training", "lowest image IoU"]
    assert [row[2] for row in table.rows] == ["0.627", "0.810", "0.860", "0.142"]  # the paper's, of cross-entropy
    assert all(row[1] == "–" for row in table.rows)  # it has no other loss
    assert [row[3:] for row in table.rows][2] == ["0.300", "0.300"]  # of epoch 3, the kept one
    for row, shown in zip(results.rows, lowest.rows, strict=True):
        evaluation = json.loads(
            WorkDir(next(job for job in jobs if job.condition == row.condition).path).results.read_text()
        )
        scores = evaluation["evaluation"]["iou_image"]
        assert shown[3] == evaluation["evaluation"]["ids"][int(np.argmin(scores))] == row.lowest_image
        assert shown[4] == f"{min(scores):.3f}" and row.lowest == pytest.approx(min(scores), abs=1e-4)


def test_the_lowest_image_is_shown_first_with_its_score_over_all_classes(amadi):
    jobs, results = amadi
    by_loss = {row.loss: row for row in results.rows}
    dataset = open_dataset(jobs[0].config.data)
    shown = examples(dataset, {job.condition.loss: job for job in jobs}, [by_loss["iou"]], [by_loss["ce"]])
    assert shown[0].id == by_loss["iou"].lowest_image
    for example in shown:
        index = [record.id for record in dataset.records("test")].index(example.id)
        for loss, score in example.scores.items():
            assert score == pytest.approx(by_loss[loss].images[index], abs=1e-4)


def test_results_from_before_a_figure_was_kept(amadi, tmp_path):
    _, results = amadi
    results.save(tmp_path / "results.json")
    content = json.loads((tmp_path / "results.json").read_text())
    for row in content["rows"]:
        del row["train_accuracy"], row["lowest_image"], row["curve"]
    del content["settings"]
    (tmp_path / "results.json").write_text(json.dumps(content))
    table, _, lowest = AMADI.show(load_results(tmp_path / "results.json")).tables
    assert table.rows[2][-2:] == ["–", "–"] and lowest.rows[0][3] == "–"


def test_verify_says_what_is_outside(vanbeers):
    _, results = vanbeers
    cell = face("unet", "synthetic", "big", "hair", "iou")
    found = figure_of([row for row in results.rows if row.condition == cell], "iou")

    def verdicts(*expected: Expected, only=None):
        recipe = Recipe("r", VANBEERS.settings, VANBEERS.shown_as, expected=expected)
        return [verdict.good for verdict in verify(results, recipe, only=only)]

    inside, outside = Expected("smoke", cell, found - 0.01, found + 0.01), Expected("smoke", cell, found + 0.01, 1.0)
    absent = Expected("smoke", Condition(dataset="nobody", loss="iou"), 0.0, 1.0)
    assert verdicts(inside, outside, absent) == [True, False, False]
    assert verdicts(inside, absent, only="big, iou") == [True]
    with pytest.raises(UsageError, match="expects nothing of scale smoke"):
        verdicts(Expected("cpu", cell, 0, 1))


def test_verify_exits_with_1_where_something_is_outside(vanbeers, tmp_path, capsys):
    _, results = vanbeers
    row = dataclasses.replace(results.rows[0], condition=Condition(dataset="portraits", loss="iou"), iou=0.3)
    for iou, code in ((0.3, 0), (0.01, 1)):
        study = dataclasses.replace(results, recipe="loss_study", rows=[dataclasses.replace(row, iou=iou)])
        study.save(tmp_path / "results.json")
        arguments = ["lab", "verify", "loss_study", "--scale", "smoke", "--results", str(tmp_path / "results.json")]
        assert main(arguments) == code
    assert "FAIL portraits iou, IoU: 0.0100, expected 0.05 to 0.6" in capsys.readouterr().out


def test_results_in_a_file_are_of_what_was_asked_for(vanbeers, tmp_path):
    _, results = vanbeers
    path = tmp_path / "results.json"
    results.save(path)
    assert stored_results(path, VANBEERS, scale="smoke") == results
    big = stored_results(path, VANBEERS, only="big,hair")
    assert {row.condition.size for row in big.rows} == {"big"} and (len(big.rows), big.failures, big.missing) == (
        4,
        {},
        0,
    )
    # of the four settings with hair one run of the small set failed, and it was seed 2
    small = stored_results(path, VANBEERS, only="small,hair", seeds=2)
    assert (len(small.rows), len(small.failures), small.missing) == (3, 1, 0)
    first = stored_results(path, VANBEERS, only="hair", seeds=1)
    assert {row.seed for row in first.rows} == {1} and (len(first.rows), first.failures) == (4, {})
    for options, said in (
        ({"recipe": AMADI}, "results of vanbeers2019, not of amadi"),
        ({"scale": "paper"}, "at scale smoke, not paper"),
        ({"only": "lfw"}, "unknown tag 'lfw'"),
    ):
        with pytest.raises(UsageError, match=said):
            stored_results(path, **{"recipe": VANBEERS, **options})


def test_flags_beside_results_count(vanbeers, tmp_path, capsys):
    _, results = vanbeers
    path = tmp_path / "results.json"
    results.save(path)
    report = ["lab", "report", "vanbeers2019", "--results", str(path), "--markdown"]
    assert main([*report, "--only", "big"]) == 0
    shown = capsys.readouterr().out
    assert "unet synthetic big" in shown and "unet synthetic small" not in shown
    assert main([*report, "--scale", "cpu"]) == 2
    assert main([*report, "--shard", "1/2"]) == 2
    assert "--shard 1/2 is a part of jobs" in capsys.readouterr().err


def test_where_all_jobs_failed_the_report_says_how(tmp_path, capsys):
    for job in make_jobs(tmp_path / "vanbeers2019", VANBEERS.at("smoke", Places())):
        job.record_failure("Failure", "the loss became nan")
    assert main(["lab", "report", "vanbeers2019", "--scale", "smoke", "--root", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "8 failed" in said and said.count("the loss became nan") == 5 and "and 3 more" in said and "--retry" in said


def test_the_committed_results_of_amadi_lie_where_the_recipe_says(capsys):
    results = Path(__file__).parents[2] / "results" / "amadi" / "results.json"
    assert main(["lab", "verify", "amadi", "--results", str(results)]) == 0
    assert capsys.readouterr().out.count("ok ") == len([entry for entry in AMADI.expected if entry.scale == "cpu"])
