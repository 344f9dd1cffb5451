"""`--known`: rows measured on another machine, or on another day, count as complete jobs."""

import shutil

import pytest
from pretended import pretend

from kseg.cli.main import main
from kseg.errors import UsageError
from kseg.lab.experiment.jobs import make_jobs
from kseg.lab.experiment.setting import Places
from kseg.lab.recipe import RECIPES
from kseg.lab.results.collect import collect
from kseg.lab.results.stored import load_results

RECIPE = RECIPES["vanbeers2019"]
OF = {"recipe": RECIPE.name, "scale": "smoke", "command": ""}


def jobs_in(folder):
    return make_jobs(folder / RECIPE.name, RECIPE.at("smoke", Places()), seeds=1)


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """Half of the jobs on each of two machines, and the results.json of the first one."""
    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    middle = len(jobs_in(first)) // 2
    for job in [*jobs_in(first)[:middle], *jobs_in(second)[middle:]]:
        pretend(job, 0.1)
    collect(jobs_in(first), **OF).save(first / "results.json")
    return first, second, middle


def test_rows_of_two_machines_are_one_study(halves, tmp_path):
    first, second, middle = halves
    both = collect(jobs_in(second), **OF, known=load_results(first / "results.json"))
    assert [row.job for row in both.rows] == [job.path.name for job in jobs_in(tmp_path)]
    assert both.rows[:middle] == collect(jobs_in(first), **OF).rows
    assert both.rows[middle:] == collect(jobs_in(second), **OF).rows
    assert both.missing == 0
    both.save(tmp_path / "results.json")
    assert load_results(tmp_path / "results.json") == both


def jobs_of_both(first, second, folder):
    """Directories of several machines merge by copying."""
    for half in (first, second):
        shutil.copytree(half / RECIPE.name, folder / RECIPE.name, dirs_exist_ok=True)
    return jobs_in(folder)


def test_what_the_rows_ran_on_is_that_of_both(halves, tmp_path):
    first, second, _ = halves
    jobs = jobs_in(second)
    known = load_results(first / "results.json")
    known.environment["device"] = "another device"
    both = collect(jobs, **OF, known=known)
    assert both.environment["device"] == ["another device", "<CPU>"]
    assert both.settings == collect(jobs_of_both(first, second, tmp_path), **OF).settings


def test_known_jobs_are_not_run_again(halves, tmp_path, capsys):
    first, _, middle = halves
    asked = ["lab", "commands", RECIPE.name, "--scale", "smoke", "--seeds", "1", "--root", str(tmp_path)]
    assert main([*asked, "--known", str(first / "results.json")]) == 0
    printed = capsys.readouterr()
    left = [job.path.name for job in jobs_in(tmp_path)[middle:]]
    assert [line.rpartition("/")[2] for line in printed.out.splitlines()] == left
    assert f"{middle} of {middle + len(left)} jobs stand in" in printed.err


def test_rows_that_belong_to_no_job_are_counted(halves, tmp_path, capsys):
    first, _, _ = halves
    asked = ["lab", "commands", RECIPE.name, "--scale", "smoke", "--seeds", "1", "--root", str(tmp_path)]
    main([*asked, "--only", "iou", "--known", str(first / "results.json")])
    assert "left out: they belong to none of the" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--scale", "cpu"], "at scale smoke, not cpu"),
        (["--scale", "smoke", "--results", "other.json"], "leave one out"),
    ],
)
def test_what_known_cannot_mean(halves, tmp_path, flags, sentence, capsys):
    asked = ["lab", "report", RECIPE.name, "--root", str(tmp_path), "--known", str(halves[0] / "results.json")]
    assert main([*asked, *flags]) == UsageError.exit_code
    assert sentence in capsys.readouterr().err
