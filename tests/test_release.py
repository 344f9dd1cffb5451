"""A release: the same version everywhere, and no file that names a missing one."""

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_one_version_everywhere():
    version = setup()["metadata"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_oldest_python_of_ci_is_the_one_that_is_required():
    least = setup()["options"]["python_requires"].removeprefix(">=").strip()
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.findall(r'"(3\.\d+)"', text)[0] == least


@pytest.mark.parametrize("workflow", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_a_workflow_runs_scripts_that_exist(workflow):
    scripts = re.findall(r"run: (\.ci/\w+)", workflow.read_text(encoding="utf-8"))
    assert scripts and all((ROOT / script).stat().st_mode & 0o100 for script in scripts)


def test_hooks_before_a_commit_use_tools_of_the_test_extra():
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    hooks = re.findall(r"- id: ([\w-]+)", text)
    assert {"ruff", "ruff-format"} <= set(hooks)
    extras = setup()["options.extras_require"]["test"]
    assert all(re.search(rf"^{name.split('-')[0]} ", extras, re.MULTILINE) for name in hooks if name.startswith("ruff"))


def test_what_is_no_module_is_packed_into_the_wheel():
    patterns = {package: text.split() for package, text in setup()["options.package_data"].items()}
    packed = {
        path
        for package, globs in patterns.items()
        for one in globs
        for path in ROOT.glob(f"{package.replace('.', '/')}/{one}")
    }
    files = (path for path in (ROOT / "kseg").rglob("*.*") if path.is_file() and "__pycache__" not in path.parts)
    others = {path for path in files if path.suffix != ".py"}
    assert others == packed
