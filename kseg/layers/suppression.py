"""Non-maximum suppression with shapes that are known beforehand: of boxes that overlap much, the best one stays."""

from keras import ops

from kseg.layers.boxes import box_iou


def suppressed(boxes, *, threshold: float, valid=None, groups=None):
    """bool (N, K): which of K boxes, the best first, greedy suppression keeps.

        keep_j = valid_j and no i < j with keep_i and IoU(i, j) > threshold

    Args:
      boxes: (N, K, 4), sorted by falling score.
      valid: bool (N, K), boxes that there are; None: all.
      groups: int (N, K); boxes of different groups (classes, levels) do not suppress each other. None: one group.
    The greedy choice is the only solution of the equation, and repeating it finds the solution: after n rounds at least
    the first n boxes are settled. So few rounds do, of a product of a matrix (K, K) and a vector each, and XLA compiles
    them, whereas the usual loop takes K steps of its own.
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
    # conflict[n, j, i]: the better box i rules out box j
    conflict = ops.cast(overlap & (place[None, :, None] > place[None, None, :]), "float32")

    def another_round(keep, _):
        ruled_out = ops.matmul(conflict, ops.cast(keep, "float32")[..., None])[..., 0] > 0.0
        settled = valid & ~ruled_out
        return settled, ops.any(settled != keep)

    keep, _ = ops.while_loop(
        lambda keep, changed: changed, another_round, (valid, ops.any(valid)), maximum_iterations=None
    )
    return keep
