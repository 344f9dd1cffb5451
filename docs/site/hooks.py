"""Hooks of MkDocs: what the site shows and no file under `docs/` holds.

The README is the home page. The pages under `results/`, CONTRIBUTING and the CHANGELOG are shown as they lie in the
checkout. Pages of losses, tables of models, data sets and metrics, and the API reference are made from the registries.
"""

import importlib
import inspect
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from mkdocs.structure.files import File, Files

from kseg.datasets import DATASETS
from kseg.lab.pages.loss_page import loss_page, overview_table
from kseg.lab.results.stored import load_results
from kseg.losses import LOSSES
from kseg.losses.catalogue import catalogue
from kseg.metrics import METRICS
from kseg.models import MODELS
from kseg.report.loss_picture import draw_loss
from kseg.report.loss_probes import subject

ROOT = Path(__file__).parents[2]
STUDY = "results/loss_study"
GENERATED = re.compile(r"<!-- generated: ([a-z ]+) -->")

LINKS = {"](docs/": "](", "](../results/": "](results/", "](../data/README.md": "](data-folder.md", "](../CON": "](CON"}
"""Beginnings of links as GitHub needs them → as the site needs them, on the pages at its root."""

ROOMS = (
    "structures", "losses", "metrics", "layers", "encoders", "models", "datasets", "pipeline", "postprocess", "tasks",
    "inference", "export",
)  # fmt: skip
"""Packages whose `__all__` the reference shows."""


# 1. files


def on_files(files: Files, config) -> Files:
    for place, content in {**copied(), **loss_pages(), **reference()}.items():
        files.append(File.generated(config, place, content=content))
    return files


def copied() -> dict[str, str | bytes]:
    """Documents of the checkout that lie outside of `docs/`, and the plots of the studies."""
    pages = {
        "index.md": ROOT / "README.md", "CONTRIBUTING.md": ROOT / "CONTRIBUTING.md",
        "CHANGELOG.md": ROOT / "CHANGELOG.md", "data-folder.md": ROOT / "data" / "README.md",
    }  # fmt: skip
    pages |= {str(path.relative_to(ROOT)): path for path in (ROOT / "results").rglob("README.md")}
    plots = {str(path.relative_to(ROOT)): path.read_bytes() for path in (ROOT / "results").rglob("*.png")}
    return {**{name: path.read_text(encoding="utf-8") for name, path in pages.items()}, **plots}


def loss_pages() -> dict[str, str | bytes]:
    """A page and a picture for every loss."""
    study = load_results(ROOT / STUDY / "results.json")
    made: dict[str, str | bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for entry in catalogue():
            picture = Path(folder) / f"{entry.name}.png"
            draw_loss(subject(entry.name), picture, heading=entry.name)
            made[f"losses/{picture.name}"] = picture.read_bytes()
            made[f"losses/{entry.name}.md"] = loss_page(
                entry, study, picture=picture.name, study_page=f"../{STUDY}/README.md"
            )
    return made


def reference() -> dict[str, str]:
    """A page for every room, and for the run."""
    pages = {room: public(f"kseg.{room}") for room in ROOMS}
    pages["losses"] += [path_of(loss.function) for loss in LOSSES.values()]
    pages["models"] += [path_of(model.function) for model in MODELS.values()]
    pages["datasets"] += [path_of(dataset) for dataset in DATASETS.values()]
    pages["training"] = [
        "kseg.training.run.train", "kseg.training.config.TrainConfig", "kseg.training.config.LossOptions",
        "kseg.training.config.TrainingOptions", "kseg.pipeline.augmentation.Augmentation",
        "kseg.training.record.read_run", "kseg.training.record.RunRecord",
    ]  # fmt: skip
    return {f"reference/{room}.md": reference_page(room, names) for room, names in pages.items()}


def public(package: str) -> list[str]:
    """Functions and classes in a package's `__all__`, by the path where they are defined."""
    module = importlib.import_module(package)
    things = [getattr(module, name) for name in module.__all__]
    return [path_of(thing) for thing in things if inspect.isclass(thing) or inspect.isfunction(thing)]


def path_of(thing: Callable) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def reference_page(room: str, names: list[str]) -> str:
    about = (inspect.getdoc(importlib.import_module(f"kseg.{room}")) or "").split("\n\n")[0]
    return "\n\n".join([f"# kseg.{room}", about, *(f"::: {name}" for name in dict.fromkeys(names))]) + "\n"


# 2. what stands in the place of `<!-- generated: … -->`


def models_table() -> str:
    return table(
        ("model", "what it is", "encoder"),
        ((f"`{name}`", first_line(model.function), model.encoder or "none") for name, model in MODELS.items()),
    )


def datasets_table() -> str:
    return table(("data set", "what it is"), ((f"`{name}`", first_line(data)) for name, data in DATASETS.items()))


def metrics_table() -> str:
    rows = ((f"`{name}`", f"`{metric.__name__}`", first_line(metric)) for name, metric in METRICS.items())
    return table(("name", "class", "what it is"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "losses": lambda: overview_table(catalogue()),
    "models": models_table,
    "data sets": datasets_table,
    "metrics": metrics_table,
}


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def first_line(thing: Callable) -> str:
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")


# 3. pages


def on_config(config):
    """The lists of the navigation that the registries and folders know."""
    studies = sorted((ROOT / "results").glob("*/README.md"))
    lists = {
        "Losses": [f"losses/{name}.md" for name in LOSSES],
        "Results": [{title(page): str(page.relative_to(ROOT))} for page in studies],
        "Reference": [{f"kseg.{room}": f"reference/{room}.md"} for room in sorted((*ROOMS, "training"))],
    }
    for section in config["nav"]:
        for name, entries in section.items():
            if name in lists:
                entries.extend(lists[name])
    return config


def title(page: Path) -> str:
    return page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def on_page_markdown(markdown: str, page, **_) -> str:
    if "/" not in page.file.src_uri:
        for github, site in LINKS.items():
            markdown = markdown.replace(github, site)
    # Markdown inside of HTML is only read where the tag says so.
    markdown = markdown.replace("<details>", '<details markdown="1">')
    return GENERATED.sub(lambda found: TABLES[found[1]](), markdown)
