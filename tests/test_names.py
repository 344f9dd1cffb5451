"""The name of a model or encoder is typed in its own file alone: adding one is adding a file, and so is renaming it."""

import ast
import re
from pathlib import Path

import pytest

from kseg.datasets import DATASETS
from kseg.encoders import ENCODERS
from kseg.losses import LOSSES
from kseg.models import MODELS

PACKAGE = Path(__file__).parent.parent / "kseg"

MAY_NAME = {
    "models": "a model names its encoder, the layers of its paper, and the model its text refers to",
    "encoders": "the table of encoders",
    "lab/recipes": "a recipe names its networks",
    "training/presets.py": "the command's own defaults",
    "cli": "examples of commands in the help",
}
"""Where names may be typed → why."""

AMBIGUOUS = {"unet"}
"""Names that are also words of the language: U-Net as an idea."""


def names_in(path: Path) -> set[str]:
    """The names of models and encoders in the strings of a module, docstrings among them."""
    names = {*MODELS, *ENCODERS} - AMBIGUOUS
    texts = [
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return names & set(re.findall(r"\w+", "\n".join(texts)))


MODULES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if not any(path.relative_to(PACKAGE).as_posix().startswith(room) for room in MAY_NAME)
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_model_or_encoder_is_named_elsewhere(path):
    assert not names_in(path), f"{path} names {names_in(path)}; ask the registry, or let the owner say it"


def test_the_exceptions_are_needed():
    for room in MAY_NAME:
        found = [PACKAGE / room] if room.endswith(".py") else (PACKAGE / room).rglob("*.py")
        assert any(names_in(path) or "unet" in path.read_text() for path in found), f"{room} names nothing any more"


MAY_NAME_DATA = {
    "datasets/opening.py": "the data set that is meant where none is named, and that of anybody's files",
    "inference/files.py": "a folder of images is a folder",
}
"""File → why it types the name of a data set that is not its own."""


def test_the_name_of_a_data_set_is_typed_in_its_own_folder_alone():
    """Names that are a whole string: in sentences some names are words of the language."""
    homes = ("lab/recipes/", *(f"datasets/{name}/" for name in DATASETS))
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        nodes = ast.walk(ast.parse(path.read_text()))
        texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        if not place.startswith(homes) and texts & set(DATASETS):
            found.add(place)
    assert found == set(MAY_NAME_DATA), "ask the registry, or let the owner say it"


MAY_NAME_LOSS = {
    "training/presets.py": "the command's own defaults",
    "tasks/semantic/task.py": "the loss that a reader might try next",
    "lab/tables/losses.py": "the baseline of a study of losses",
}
"""File → why it types the name of a loss."""

SCORES = {"iou", "dice", "boundary"}
"""Losses with the name of a score."""


def test_the_name_of_a_loss_is_typed_among_the_losses_alone():
    """Models and recipes may name the losses of their papers."""
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        nodes = ast.walk(ast.parse(path.read_text()))
        texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        if not place.startswith(("losses/", "models/", "lab/recipes/")) and texts & set(LOSSES) - SCORES:
            found.add(place)
    assert found == set(MAY_NAME_LOSS), "ask the registry, or let the owner say it"
