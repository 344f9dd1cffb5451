"""Pages from templates, which escape all text; plots and pictures arrive ready to embed."""

from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

TEMPLATES = "kseg.report"
"""Package whose folder `templates/` holds the layout, the style sheet and the parts of every page."""


@cache
def environment(package: str = TEMPLATES) -> Environment:
    """The templates of a package, which may extend and import those of `TEMPLATES`.

    A missing value is an error and leaves no empty place in the page.
    """
    loaders = [PackageLoader(name) for name in dict.fromkeys((package, TEMPLATES))]
    made = Environment(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["plain"] = plain
    return made


def render(template: str, package: str = TEMPLATES, **values: Any) -> str:
    """A template of a package as a whole document that ends in a newline."""
    return environment(package).get_template(template).render(values) + "\n"


def plain(value: Any) -> str:
    """The value of a setting as a person would write it: yes, 0.001, a dash for no value."""
    if value is None or value == [] or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
