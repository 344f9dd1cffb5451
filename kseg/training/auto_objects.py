"""`--preset auto` for a network that finds objects: room for the image with the most objects."""

from collections.abc import Mapping, Sequence
from typing import Any

from kseg.datasets import Dataset, Record
from kseg.models.detector import OWN, PAPER
from kseg.structures import Instances

SAMPLE = 200
"""Images whose objects are counted, spread evenly."""

SPARE = 1.25
"""Detections for each object of the fullest image: some find nothing, or an object twice."""

STEPS = (20, 50, 100, 200, 400, 800)


def most_objects(dataset: Dataset, records: Sequence[Record]) -> int:
    """The largest number of objects in an image of a sample; crowds are not counted."""
    most = 0
    for record in records[:: -(-len(records) // SAMPLE)] if records else ():
        objects = dataset.truth(record)
        assert isinstance(objects, Instances)
        most = max(most, int((~objects.crowd).sum()))
    return most


def places_for(most: int, *, on_encoder: bool) -> Mapping[str, Any]:
    """Options of a network that finds objects, for images of up to `most` objects; {} where its own are enough.

    >>> places_for(125, on_encoder=False)
    {'detections': 200, 'proposals': 400, 'candidates': 400}
    >>> places_for(75, on_encoder=True)
    {}
    """
    usual = PAPER if on_encoder else OWN
    detections = next((step for step in STEPS if step >= SPARE * most), STEPS[-1])
    wanted = {"detections": detections, "proposals": 2 * detections, "candidates": 2 * detections}
    return {name: value for name, value in wanted.items() if detections > usual["detections"] and value > usual[name]}
