"""The parts of a recipe's page: tables, claims, plots and images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from kseg.lab.tables.table import Table

if TYPE_CHECKING:
    from kseg.lab.pages.image_cards import SideBySide
    from kseg.lab.statistics.claims import Claim
    from kseg.report.canvas import Plot


@dataclass(frozen=True)
class Shown:
    """Tables, judged claims, and functions that make plots and pictures, which only reports need."""

    tables: Sequence[Table]
    make_plots: "Callable[[], Sequence[Plot]]"
    claims: "Sequence[Claim]" = ()
    make_images: "Callable[[], SideBySide | None]" = lambda: None
    """images under two losses, which replace scatter plots of the same images; None without images"""

    @cached_property
    def plots(self) -> "Sequence[Plot]":
        return self.make_plots()

    @cached_property
    def images(self) -> "SideBySide | None":
        return self.make_images()
