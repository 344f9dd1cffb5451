"""The documents: their Python runs, their links lead somewhere, and the README stays an overview."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "results").rglob("*.md")),
]  # fmt: skip
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in DOCUMENTS if BLOCK.search(page.read_text())], ids=name_of)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": "page"}
    for block in BLOCK.finditer(text := page.read_text(encoding="utf-8")):
        first_line = text[: block.start(1)].count("\n")
        exec(compile("\n" * first_line + block[1], str(page), "exec"), names)


@pytest.mark.parametrize("page", DOCUMENTS, ids=name_of)
def test_every_link_inside_the_checkout_leads_to_a_file(page):
    targets = [target for target in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_is_an_overview():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert len(text.split()) <= 900


def test_ci_runs_the_test_command_of_the_readme():
    readme, ci = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", ".ci/run"))
    assert '.venv/bin/pip install -e ".[test]" && .venv/bin/pytest' in readme
    assert re.search(r'^pip install -q -e "\.\[test', ci, re.MULTILINE)
    assert re.search(r"^pytest$", ci, re.MULTILINE)
    assert re.search(r"^python train\.py ", ci, re.MULTILINE)
