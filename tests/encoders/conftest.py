"""torchvision's detectors for the tests; where its build does not fit that of PyTorch, what lacks is written here."""

import importlib

import pytest

from kseg.encoders.torchvision_models import torchvision_models


@pytest.fixture(scope="session")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="session")
def detection(torch):
    """`torchvision.models.detection`; its two compiled operations are replaced where they are not to be had."""
    if torchvision_models() is None:
        pytest.skip("torchvision cannot be imported")
    detection = importlib.import_module("torchvision.models.detection")
    if not importlib.import_module("torchvision.extension")._has_ops():
        operations = importlib.import_module("torchvision.ops.roi_align")
        eager = operations._roi_align.__wrapped__  # the package's own, not compiled anew by PyTorch

        def roi_align(features, boxes, output_size, spatial_scale, sampling_ratio, aligned=False):
            boxes = operations.convert_boxes_to_roi_format(boxes) if isinstance(boxes, list) else boxes
            return eager(features, boxes, spatial_scale, *output_size, sampling_ratio, aligned)

        importlib.import_module("torchvision.ops.poolers").roi_align = roi_align
        importlib.import_module("torchvision.ops.boxes").nms = greedy(torch)
    return detection


def greedy(torch):
    """Suppression, box by box."""

    def nms(boxes, scores, threshold):
        kept = []
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
        waiting = scores.argsort(descending=True)
        while len(waiting):
            first, waiting = waiting[0], waiting[1:]
            kept.append(int(first))
            top, bottom = (
                torch.maximum(boxes[first, :2], boxes[waiting, :2]),
                torch.minimum(boxes[first, 2:], boxes[waiting, 2:]),
            )
            shared = (bottom - top).clamp(min=0).prod(dim=1)
            waiting = waiting[shared / (areas[first] + areas[waiting] - shared) <= threshold]
        return torch.tensor(kept, dtype=torch.int64)

    return nms
