"""A table: Markdown, LaTeX, and the cells that HTML is made of."""

from collections.abc import Iterable
from dataclasses import dataclass

DASH = "–"


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
        lines = [f"| {' | '.join(self.header)} |", "|---" * len(self.header) + "|"]
        for i, row in enumerate(self.rows):
            cells = [f"**{cell}**" if (i, j) in self.best else cell for j, cell in enumerate(row)]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join([*lines, *(["", f"*{self.caption}*"] if self.caption else [])])

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
                rf"\begin{{tabular}}{{l{'r' * (len(self.header) - 1)}}}",
                r"\hline",
                row(map(_tex, self.header)),
                r"\hline",
                *body,
                r"\hline",
                r"\end{tabular}",
                r"\end{table}",
            ]
        )


def _tex(text: str) -> str:
    for plain, escaped in (("\\", r"\textbackslash{}"), ("&", r"\&"), ("%", r"\%"), ("_", r"\_"), ("#", r"\#"),
                           ("×", r"$\times$"), ("±", r"$\pm$"), ("−", "$-$"), ("–", "--")):  # fmt: skip
        text = text.replace(plain, escaped)
    return text


def markdown_of(tables: Iterable[Table]) -> str:
    """Tables under their titles, as a README shows them."""
    return "\n\n".join(f"**{table.title}**\n\n{table.markdown()}" for table in tables) + "\n"
