"""One category against all others, Rahman & Wang's task: a class by its name, and a split that does not show it."""

from collections.abc import Mapping, Sequence

from kseg.datasets.relabel import BACKGROUND
from kseg.errors import UsageError, unknown_name


def category_id(classes: Sequence[str], category: str, dataset: str) -> int:
    """The id of a class by its name; case, spaces, hyphens and the like do not matter.

    Raises `UsageError` for a name that is no class (the error suggests the nearest), for the background, and for a data
    set of only two classes.
    """
    if len(classes) < 3:
        raise UsageError(
            f"--category {category} picks one of several classes, and {dataset} has only {' and '.join(classes)}; "
            "leave it out, or ask for more classes (faces: --parts)"
        )
    ids = {plain_name(name): index for index, name in enumerate(classes) if name != BACKGROUND}
    if plain_name(category) not in ids:
        raise unknown_name("category", category.lower(), [name for name in classes if name != BACKGROUND])
    return ids[plain_name(category)]


def plain_name(name: str) -> str:
    """A class's name as it is compared: without capitals, spaces, hyphens and the like."""
    return "".join(character for character in name.casefold() if character.isalnum()) or name


def absent(
    category: str, dataset: str, split: str, images: int, elsewhere: Mapping[str, int], limit: int | None
) -> str:
    """The sentence for a category that none of the `images` of a split shows; `elsewhere` counts the images that do."""
    limited = f" (--limit {limit})" if limit else ""
    if not any(elsewhere.values()):
        return f"no image of {dataset}{limited} shows the category {category!r}; choose another --category"
    counts = ", ".join(f"{number} of {other}" for other, number in elsewhere.items() if number)
    return (
        f"none of the {images} {split} images of {dataset}{limited} shows the category {category!r} "
        f"({counts} do); choose another --category or other splits"
    )
