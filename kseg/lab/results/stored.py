"""A results.json read: the words of its rows become conditions under the names that the recipe has for them."""

from pathlib import Path
from typing import Any, TypedDict

from kseg.errors import Failure, UsageError
from kseg.lab.experiment.condition import Condition
from kseg.lab.recipe import RECIPES
from kseg.lab.results.rows import Results
from kseg.reading import held_to, parse_json, read_text


class Tagged(TypedDict):
    """The tags of a row. Everything else of the row is checked against `Row` afterwards."""

    tags: list[str]


class StoredResults(TypedDict):
    """The recipe and the tags of a results.json."""

    recipe: str
    rows: list[Tagged]


def load_results(path: Path) -> Results:
    """The results in a file of `Results.save`.

    Raises:
      UsageError: there is no such file, or its recipe is not registered.
      Failure: it is damaged, or its rows do not go together.
    """
    try:
        content: dict[str, Any] = parse_json(read_text(path))
        stored: StoredResults = held_to(content, StoredResults)
    except OSError as error:
        raise UsageError(f"no results in {path}: {error.strerror}; `kseg lab report` writes them") from None
    except ValueError as error:
        raise _damaged(path, error) from None
    if stored["recipe"] not in RECIPES:
        raise UsageError(f"{path} holds results of {stored['recipe']}, which is no recipe; `kseg lab list` names all")
    try:
        factors = RECIPES[stored["recipe"]].factors
        rows = [
            {**row, "condition": Condition.read(factors, tagged["tags"])}
            for row, tagged in zip(content["rows"], stored["rows"], strict=True)
        ]
        results: Results = held_to({**content, "rows": rows}, Results)
        results.check()
        return results
    except ValueError as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: ValueError) -> Failure:
    return Failure(f"{path} holds no results of kseg lab ({error}); report again")
