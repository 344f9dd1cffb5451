"""Tables as Markdown and LaTeX, and their cells for HTML."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_LINE = 40
"""Most letters of a cell that LaTeX leaves in one line."""
TEXT_SHARE = 0.7
"""Share of the page's width for all columns of sentences together."""


@dataclass(frozen=True)
class Table:
    """Words in the first column, figures in the others."""

    title: str
    header: list[str]
    rows: list[list[str]]
    best: frozenset[tuple[int, int]] = frozenset()
    """cells (row, column) to set in bold"""
    caption: str = ""

    def markdown(self) -> str:
        lines = [f"| {' | '.join(map(md, self.header))} |", "|---" * len(self.header) + "|"]
        for i, row in enumerate(self.rows):
            cells = [f"**{md(cell)}**" if (i, j) in self.best else md(cell) for j, cell in enumerate(row)]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join([*lines, *(["", f"*{md(self.caption)}*"] if self.caption else [])])

    def latex(self) -> str:
        def row(cells: Iterable[str]) -> str:
            return " & ".join(cells) + r" \\"

        body = [
            row(rf"\textbf{{{_tex(cell)}}}" if (i, j) in self.best else _tex(cell) for j, cell in enumerate(cells))
            for i, cells in enumerate(self.rows)
        ]
        return "\n".join(
            [
                r"\begin{table}",
                rf"\caption{{{_tex(f'{self.title}. {self.caption}'.strip())}}}",
                rf"\begin{{tabular}}{{{self._columns()}}}",
                r"\hline",
                row(map(_tex, self.header)),
                r"\hline",
                *body,
                r"\hline",
                r"\end{tabular}",
                r"\end{table}",
            ]
        )

    def _columns(self) -> str:
        """LaTeX's letters for the columns: words left, figures right, sentences broken into lines of a share."""
        columns = list(zip(self.header, *self.rows, strict=True))
        prose = [any(len(cell) > LONGEST_LINE for cell in cells) for cells in columns]
        width = rf"p{{{TEXT_SHARE / max(1, sum(prose)):.2f}\linewidth}}"
        return "".join(width if long else "l" if j == 0 else "r" for j, long in enumerate(prose))


MARKS = re.compile(r"[\\|*`]|<(?=[A-Za-z/!?])|(?<=\])\(|(?<!\w)_|_(?!\w)")
"""Finds ends of cells, emphasis, code, HTML and links of Markdown. An underscore within a word is not emphasis."""


def md(text: str) -> str:
    """A cell of a Markdown table that shows `text`, with any letters in the names of classes and files."""
    return MARKS.sub(r"\\\g<0>", " ".join(text.split()))


TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "|": r"\textbar{}", "<": "$<$", ">": "$>$", "×": r"$\times$",
    "±": r"$\pm$", "−": "$-$", "≥": r"$\geq$", "≤": r"$\leq$", "≈": r"$\approx$", "·": r"$\cdot$", "→": r"$\to$",
    "ρ": r"$\rho$", "σ": r"$\sigma$", "–": "--", "—": "---", "…": r"\ldots{}", "“": "``", "”": "''", "’": "'",
}  # fmt: skip
"""Letters that LaTeX reads as commands, or that its usual fonts lack."""


def _tex(text: str) -> str:
    return "".join(TEX.get(letter, letter) for letter in text)


def markdown_of(tables: Iterable[Table]) -> str:
    """Tables under their titles, as a README shows them."""
    return "\n\n".join(f"**{table.title}**\n\n{table.markdown()}" for table in tables) + "\n"
