"""`kseg score`: two folders of results compared, whoever made them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from kseg.ranges import COUNT


@dataclass(frozen=True)
class Score:
    """Score predictions that any program wrote against the truth: panoptic PNGs and JSON (PQ, SQ, RQ).

    A folder holds color PNGs, id = R + 256 G + 65536 B, and a JSON with segments_info, as COCO's panoptic format has
    it; the JSON may also lie beside the folder, under its name.

    Example: kseg score panoptic_val2017 predictions --boundary
    """

    truth: Positional[Path]
    """the truth: a folder or its JSON, with the categories"""
    prediction: Positional[Path]
    """the predictions, of the same images"""
    boundary: bool = False
    """score outlines too: boundary PQ"""
    resamples: Annotated[int, COUNT] = 1000
    """draws of the bootstrap interval over images"""
    out: Path | None = None
    """the JSON to write scores into (unset: none)"""

    def run(self) -> int:
        from kseg.atomic import write_json
        from kseg.cli.score_panoptic import score_panoptic

        scores = score_panoptic(self.truth, self.prediction, boundary=self.boundary, resamples=self.resamples)
        if self.out is not None:
            write_json(self.out, scores)
            print(f"\nwritten: {self.out}")
        return 0
