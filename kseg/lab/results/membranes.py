"""ISBI's measures of the masks that a job left behind, for data whose background is membrane."""

import numpy as np

from kseg.datasets import open_dataset
from kseg.errors import KsegError
from kseg.inference import load_masks
from kseg.lab.experiment.jobs import Job
from kseg.metrics import membrane_rand, warping_error

MEMBRANE = "membrane"
"""The name of the first of two classes, by which such data are known."""


def membrane_figures(job: Job, classes: list[str]) -> dict[str, float]:
    """`v_rand` and `warping_error`, means over the test images; empty for other classes, and where masks or data are
    missing."""
    if len(classes) != 2 or classes[0] != MEMBRANE or not job.files.masks.exists():
        return {}
    try:
        dataset = open_dataset(job.config.data)
        true = {record.id: dataset.labels(record) == 1 for record in dataset.records("test")}
    except KsegError:  # a report can be made where the data is not
        return {}
    predicted = {name: mask == 1 for name, mask in load_masks(job.files.masks).items()}
    if true.keys() != predicted.keys():
        return {}
    return {
        "v_rand": round(float(np.mean([membrane_rand(true[name], predicted[name]).v_rand for name in true])), 5),
        "warping_error": round(float(np.mean([warping_error(true[name], predicted[name]) for name in true])), 6),
    }
