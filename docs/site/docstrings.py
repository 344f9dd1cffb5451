"""A Griffe extension: the paragraphs that kseg's docstrings add to Google's sections are shown as paragraphs.

Griffe takes "Source: Berman et al. 2018." for an admonition with a title. Here the title becomes bold text instead.
Indented lines that go on with such a paragraph are joined to it, or Markdown would take them for code.
"""

import inspect
import re
from typing import Any

import griffe

SECTIONS = "Args|Returns|Raises|Yields|Attributes|Examples"
"""Google's, where their items stand below; with text behind the colon they are paragraphs as well."""
PARAGRAPH = re.compile(rf"^(?!(?:{SECTIONS}):\n)([A-Z][\w ]{{2,30}}):[ \n](.*(?:\n +\S.*)*)", re.MULTILINE)


class Paragraphs(griffe.Extension):
    """Rewrites every docstring once, before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = with_paragraphs(obj.docstring.value)


def with_paragraphs(text: str) -> str:
    """`Title: text` at the beginning of a line becomes a paragraph with a bold title."""

    def shown(found: re.Match[str]) -> str:
        return f"\n**{found[1]}.** {' '.join(found[2].split())}\n"

    return PARAGRAPH.sub(shown, inspect.cleandoc(text))
