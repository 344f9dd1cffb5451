"""Marked tables of the README and of the studies are those of the files under `results/`; no study lacks its page."""

import json
import shutil
from pathlib import Path

import pytest

from kseg.cli.main import main
from kseg.errors import Failure, UsageError
from kseg.lab.pages import marked
from kseg.lab.pages.marked import pages, refreshed, sources, tables
from kseg.lab.recipe import RECIPES
from kseg.lab.tables.paper_tests import paper_tests_json

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"


@pytest.mark.parametrize("page", pages(ROOT), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_marked_table_is_the_one_that_its_source_makes(page):
    text = page.read_text(encoding="utf-8")
    assert refreshed(text, ROOT) == text, "run `python -m kseg.lab.pages.marked`"


def test_every_study_has_its_page_and_the_list_of_studies_links_it():
    overview = (RESULTS / "README.md").read_text(encoding="utf-8")
    for folder in (folder for folder in RESULTS.iterdir() if folder.is_dir()):
        assert (folder / "README.md").is_file(), f"{folder.name} has results and no page"
        assert f"({folder.name}/README.md)" in overview


def test_every_recipe_s_results_have_their_table_on_the_page_beside_them():
    committed = [path for path in RESULTS.glob("*/*.json") if json.loads(path.read_text()).get("recipe") in RECIPES]
    assert committed
    for path in committed:
        page = (path.parent / "README.md").read_text(encoding="utf-8")
        assert str(path.relative_to(ROOT)) in sources(page)


def test_the_pages_are_refreshed_where_they_lie(tmp_path, capsys):
    folder = tmp_path / "results" / "amadi"
    folder.mkdir(parents=True)
    shutil.copy(RESULTS / "amadi" / "results.json", folder)
    source = "results/amadi/results.json"
    (tmp_path / "README.md").write_text("no table\n")
    (folder / "README.md").write_text(f"# A\n<!-- begin {source}: unet pets -->\nold\n<!-- end {source} -->\n")
    marked.main(tmp_path)
    assert "**unet pets**" in (folder / "README.md").read_text()
    assert capsys.readouterr().out == "results/amadi/README.md: tables made anew\n"
    marked.main(tmp_path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*/paper.json")), ids=lambda path: path.parent.name)
def test_the_paper_s_figures_give_what_is_committed(path):
    again = json.loads(json.dumps(paper_tests_json(RECIPES[path.parent.name])))
    for test, committed in zip(again["tests"], json.loads(path.read_text())["tests"], strict=True):
        assert test.pop("computed") == pytest.approx(committed.pop("computed"), rel=1e-4)
        assert test == committed


def test_a_changed_result_changes_the_table(tmp_path):
    (tmp_path / "results" / "loss_study").mkdir(parents=True)
    path = tmp_path / "results" / "loss_study" / "results.json"
    shutil.copy(RESULTS / "loss_study" / "results.json", path)
    source = "results/loss_study/results.json"
    text = f"# A\n<!-- begin {source}: Losses -->\nold\n<!-- end {source} -->\nB"
    shown = refreshed(text, tmp_path)
    assert shown.startswith("# A\n<!-- begin") and shown.endswith("-->\nB") and "old" not in shown
    content = json.loads(path.read_text())
    content["rows"] = content["rows"][:1]
    path.write_text(json.dumps(content))
    assert len(refreshed(shown, tmp_path)) < len(shown)
    with pytest.raises(UsageError, match="makes no table 'Gains'; name one of Losses"):
        tables(path, ["Gains"])
    with pytest.raises(Failure, match="only 0 have their end"):
        sources("<!-- begin results/lfw -->\n")


def test_markdown_is_of_the_committed_results_where_no_jobs_lie(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(["lab", "report", "loss_study", "--root", str(tmp_path), "--markdown"]) == 0
    shown = capsys.readouterr()
    assert shown.out.strip() in (RESULTS / "loss_study" / "README.md").read_text(encoding="utf-8")
    assert "the tables are of results/loss_study/results.json" in shown.err


def test_paper_figures_from_the_command_line(tmp_path, capsys):
    assert main(["lab", "report", "vanbeers2019", "--paper", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "paper.json").read_text())["recipe"] == "vanbeers2019"
    assert main(["lab", "report", "vanbeers2019", "--paper", "--markdown"]) == 0
    assert "| 0.00047 |" in capsys.readouterr().out
    assert main(["lab", "report", "loss_study", "--paper"]) == 2
