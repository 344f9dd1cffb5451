"""Panoptic quality as plain loops over pixels and segments, by the rules of panopticapi; knows nothing of kseg."""

import math


def matches(truth, prediction, true_segments, predicted_segments, *, crowds="all"):
    """`true_segments`: {id: (class, crowd)}, `predicted_segments`: {id: class}; 0 is void.

    Returns the matches as {(true id, predicted id): IoU}, the missed ids and the false ids. `crowds`: "all" of a class
    forgive, or the "last" of the list alone, as in panopticapi.
    """
    shared, true_area, predicted_area = {}, {}, {}
    for t, p in zip(truth.ravel().tolist(), prediction.ravel().tolist(), strict=True):
        shared[t, p] = shared.get((t, p), 0) + 1
        true_area[t] = true_area.get(t, 0) + 1
        predicted_area[p] = predicted_area.get(p, 0) + 1

    found = {}
    for t, (kind, crowd) in true_segments.items():
        for p, predicted_kind in predicted_segments.items():
            both = shared.get((t, p), 0)
            if crowd or kind != predicted_kind or not both:
                continue
            union = true_area[t] + predicted_area[p] - both - shared.get((0, p), 0)
            if both / union > 0.5:
                found[t, p] = both / union

    missed = [t for t, (_, crowd) in true_segments.items() if not crowd and t not in {pair[0] for pair in found}]
    false = []
    for p, kind in predicted_segments.items():
        if p in {pair[1] for pair in found}:
            continue
        of_class = [t for t, (true_kind, crowd) in true_segments.items() if crowd and true_kind == kind]
        forgiving = [0, *(of_class if crowds == "all" else of_class[-1:])]
        if sum(shared.get((t, p), 0) for t in forgiving) / predicted_area[p] <= 0.5:
            false.append(p)
    return found, missed, false


def scores(images, num_classes):
    """[(PQ, SQ, RQ)] of every class from (matches, missed, false, true_segments, predicted_segments) of every image."""
    result = []
    for kind in range(num_classes):
        ious, fp, fn = [], 0, 0
        for found, missed, false, true_segments, predicted_segments in images:
            ious += [iou for (t, _), iou in found.items() if true_segments[t][0] == kind]
            fn += sum(true_segments[t][0] == kind for t in missed)
            fp += sum(predicted_segments[p] == kind for p in false)
        if not ious and not fp and not fn:
            result.append((math.nan, math.nan, math.nan))
            continue
        segments = len(ious) + fp / 2 + fn / 2
        result.append((sum(ious) / segments, sum(ious) / len(ious) if ious else 0.0, len(ious) / segments))
    return result


def band(ids, segment, width):
    """Pixels of a segment that are within `width` rows and columns of a pixel outside of it, or of the image's edge."""
    height, columns = ids.shape
    inside = set()
    for i in range(height):
        for j in range(columns):
            if ids[i, j] != segment:
                continue
            around = [(a, b) for a in range(i - width, i + width + 1) for b in range(j - width, j + width + 1)]
            if any(not (0 <= a < height and 0 <= b < columns) or ids[a, b] != segment for a, b in around):
                inside.add((i, j))
    return inside


def band_iou(truth, prediction, t, p, width):
    """IoU of the bands of two segments, without what of the predicted one lies on void."""
    first, second = band(truth, t, width), band(prediction, p, width)
    on_void = sum(truth[i, j] == 0 for i, j in second)
    return len(first & second) / (len(first | second) - on_void)
