"""The report of a run: `write_report(workdir)` makes `report.html`, one file that needs no other and no network."""

from kseg.report.run_report import write_report

__all__ = ["write_report"]
