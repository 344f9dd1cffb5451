"""The table of bad input, by kind."""

import shlex

from data_cases import ARCHIVES, AROUND, IMAGES
from rows import Row
from run_cases import LAB, MODELS, RUNS, WEIGHTS_FILES
from typed_cases import FIGURES, REFINING, SETTINGS, UNKNOWN

TABLE = {
    "unknown words": UNKNOWN, "figures": FIGURES, "refining": REFINING, "settings": SETTINGS, "models": MODELS,
    "weights": WEIGHTS_FILES, "archives": ARCHIVES, "images": IMAGES, "runs": RUNS, "lab": LAB, "surroundings": AROUND,
}  # fmt: skip


def words_of(row: Row) -> list[str]:
    return shlex.split(row.command)
