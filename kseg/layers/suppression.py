"""Non-maximum suppression with static shapes: of boxes that overlap, the best one is kept."""

from keras import ops

from kseg.layers.boxes import box_iou


def suppressed(boxes, *, threshold: float, valid=None, groups=None):
    """bool (N, K): which of K boxes, sorted by score, greedy suppression keeps.

        keep_j = valid_j and no i < j with keep_i and IoU(i, j) > threshold

    Args:
      boxes: (N, K, 4), sorted by decreasing score.
      valid: bool (N, K), False for padding; None: all are valid.
      groups: int (N, K); boxes of different groups (classes, levels) do not suppress each other. None: one group.
    The greedy choice is the only solution of the equation, and fixed-point iteration finds it: after n rounds at least
    the first n boxes are settled. In practice few rounds suffice. Each is a matrix-vector product (K, K) that XLA
    compiles, whereas the usual loop takes K steps.
    Source: greedy NMS as in Girshick et al. 2014. Deviations: none; the result is the same.

    >>> boxes = [[[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 3.0], [8.0, 8.0, 9.0, 9.0]]]
    >>> ops.convert_to_numpy(suppressed(boxes, threshold=0.5)).tolist()
    [[True, False, True]]
    """
    boxes = ops.stop_gradient(ops.cast(ops.convert_to_tensor(boxes), "float32"))
    count = ops.shape(boxes)[1]
    valid = ops.ones_like(boxes[..., 0], dtype="bool") if valid is None else ops.cast(valid, "bool")
    overlap = box_iou(boxes, boxes) > threshold
    if groups is not None:
        groups = ops.convert_to_tensor(groups)
        overlap = overlap & (groups[:, :, None] == groups[:, None, :])
    place = ops.arange(count)
    # conflict[n, j, i]: the better box i suppresses box j
    conflict = ops.cast(overlap & (place[None, :, None] > place[None, None, :]), "float32")

    def another_round(keep, _):
        ruled_out = ops.matmul(conflict, ops.cast(keep, "float32")[..., None])[..., 0] > 0.0
        settled = valid & ~ruled_out
        return settled, ops.any(settled != keep)

    keep, _ = ops.while_loop(
        lambda keep, changed: changed, another_round, (valid, ops.any(valid)), maximum_iterations=None
    )
    return keep
