"""Every loss again, in float64 and plain loops over pixels, from the formulas and from nothing of kseg.

Each oracle takes `pixels`, a list of (logits of one valid pixel, its class id), and the loss's options, and returns one
number. A single logit means background and foreground. Losses that see neighborhoods are in `losses_spatial.py`.
"""

import math

from oracles.losses_spatial import SPATIAL, VOID, log_softmax


def groups(labels, logits, pooling="image"):
    """Valid pixels as lists: one list per image, or a single one for the batch."""
    images = [
        [
            (list(logits[n, i, j]), int(labels[n, i, j]))
            for i in range(labels.shape[1])
            for j in range(labels.shape[2])
            if labels[n, i, j] != VOID
        ]
        for n in range(labels.shape[0])
    ]
    return images if pooling == "image" else [[pixel for image in images for pixel in image]]


def regions(pixels, classes="present"):
    """(probabilities, truths) of every class that counts; the foreground alone for one logit."""
    if not pixels:
        return []
    count = len(pixels[0][0])
    wanted = [1] if count == 1 else [c for c in range(count) if classes == "all" or any(y == c for _, y in pixels)]
    return [
        ([math.exp(log_softmax(z)[c]) for z, _ in pixels], [1.0 if y == c else 0.0 for _, y in pixels]) for c in wanted
    ]


def mean(values):
    return sum(values) / len(values) if values else 0.0


def entropies(pixels):
    return [-log_softmax(z)[y] for z, y in pixels]


def ce(pixels, label_smoothing=0.0, class_weights=None):
    total, weight = 0.0, 0.0
    for z, y in pixels:
        log_p = log_softmax(z)
        w = class_weights or [1.0] * len(log_p)
        for c, value in enumerate(log_p):
            q = (1 - label_smoothing) * (c == y) + label_smoothing / len(log_p)
            total -= w[c] * q * value
        weight += w[y]
    return total / weight if weight else 0.0


def iou(pixels, classes="present", smooth=0.0):
    losses = []
    for ps, ys in regions(pixels, classes):
        intersection = sum(p * y for p, y in zip(ps, ys, strict=True))
        union = sum(p + y - p * y for p, y in zip(ps, ys, strict=True))
        losses.append(1 - (intersection + smooth) / (union + smooth))
    return mean(losses)


def dice(pixels, classes="present", smooth=1.0, squared=False):
    losses = []
    for ps, ys in regions(pixels, classes):
        overlap = sum(p * y for p, y in zip(ps, ys, strict=True))
        sizes = sum(v * v if squared else v for v in ps + ys)
        losses.append(1 - (2 * overlap + smooth) / (sizes + smooth))
    return mean(losses)


def log_cosh_dice(pixels, classes="present", smooth=1.0):
    return math.log(math.cosh(dice(pixels, classes, smooth)))


def gdice(pixels):
    if not pixels:
        return 0.0
    overlap = total = 0.0
    for c in range(max(2, len(pixels[0][0]))):
        size = sum(1.0 for _, y in pixels if y == c)
        if size:
            ps = [math.exp(log_softmax(z)[c]) for z, _ in pixels]
            overlap += sum(p for p, (_, y) in zip(ps, pixels, strict=True) if y == c) / size**2
            total += (sum(ps) + size) / size**2
    return 1 - 2 * overlap / total


def jaccard_distance(pixels, classes="present"):
    losses = []
    for ps, ys in regions(pixels, classes):
        overlap = sum(p * y for p, y in zip(ps, ys, strict=True))
        losses.append(1 - overlap / (sum(y * y for y in ys) + sum(p * p for p in ps) - overlap))
    return mean(losses)


def jml(pixels, classes="present", variant="jml1"):
    losses = []
    for ps, ys in regions(pixels, classes):
        apart = sum(abs(p - y) for p, y in zip(ps, ys, strict=True))
        if variant == "jml1":
            losses.append(1 - (sum(ps) + sum(ys) - apart) / (sum(ps) + sum(ys) + apart))
        else:
            overlap = sum(p * y for p, y in zip(ps, ys, strict=True))
            losses.append(1 - overlap / (overlap + apart))
    return mean(losses)


def tversky_losses(found, price_false, price_missed, smooth):
    losses = []
    for ps, ys in found:
        hit = sum(p * y for p, y in zip(ps, ys, strict=True))
        false = sum(p * (1 - y) for p, y in zip(ps, ys, strict=True))
        missed = sum((1 - p) * y for p, y in zip(ps, ys, strict=True))
        losses.append(1 - (hit + smooth) / (hit + price_false * false + price_missed * missed + smooth))
    return losses


def tversky(pixels, classes="present", alpha=0.3, beta=0.7, smooth=0.0):
    return mean(tversky_losses(regions(pixels, classes), alpha, beta, smooth))


def focal_tversky(pixels, classes="present", alpha=0.3, beta=0.7, gamma=4 / 3, smooth=0.0):
    return mean([loss ** (1 / gamma) for loss in tversky_losses(regions(pixels, classes), alpha, beta, smooth)])


def focal(pixels, gamma=2.0, class_weights=None):
    values = []
    for z, y in pixels:
        log_p = log_softmax(z)[y]
        values.append(-(class_weights[y] if class_weights else 1.0) * (1 - math.exp(log_p)) ** gamma * log_p)
    return mean(values)


def poly_ce(pixels, epsilon=1.0):
    return mean([loss + epsilon * (1 - math.exp(-loss)) for loss in entropies(pixels)])


def topk_ce(pixels, fraction=0.25, threshold=None):
    losses = sorted(entropies(pixels), reverse=True)
    kept = losses[: math.ceil(fraction * len(losses))]
    if threshold is not None:
        kept += [loss for loss in losses[len(kept) :] if math.exp(-loss) < threshold]
    return mean(kept)


def loss_max_pooling(pixels, p=1.3, fraction=0.25):
    """The maximum by bisection on the multiplier: w_u = min(τ, c·ℓ_u^(q−1)) with ‖w‖_p at its bound."""
    losses = entropies(pixels)
    largest = max(losses, default=0.0)
    if not largest:
        return 0.0
    losses = [loss / largest for loss in losses]  # w depends on their ratios alone, and c is then of order 1
    n, q = len(losses), p / (p - 1)
    top = max(1.0, fraction * n) ** (-1 / p) * n ** (-1 / q)
    low, high = 0.0, 1e12
    for _ in range(200):
        c = (low + high) / 2
        norm = sum(min(top, c * loss ** (q - 1)) ** p for loss in losses) ** (1 / p)
        low, high = (c, high) if norm < n ** (-1 / q) else (low, c)
    return largest * sum(min(top, low * loss ** (q - 1)) * loss for loss in losses)


def unified_focal(pixels, weight=0.5, delta=0.6, gamma=0.5, symmetric=False):
    if not pixels:
        return 0.0
    focals = []
    for z, y in pixels:
        log_p = log_softmax(z)[y]
        price = delta if y else 1 - delta
        focusing = gamma if symmetric or y == 0 else 0.0
        focals.append(-price * (1 - math.exp(log_p)) ** focusing * log_p)
    areas = []
    for c in range(max(2, len(pixels[0][0]))):
        ps, ys = [math.exp(log_softmax(z)[c]) for z, _ in pixels], [float(y == c) for _, y in pixels]
        if any(ys):
            (loss,) = tversky_losses([(ps, ys)], 1 - delta, delta, 0.0)
            areas.append(loss ** (1 - gamma) if symmetric or c else loss)
    return weight * mean(focals) + (1 - weight) * mean(areas)


def combo(pixels, classes="present", alpha=0.5, beta=0.5, smooth=1.0):
    if not pixels:
        return 0.0
    entropy = mean([(beta if y else 1 - beta) * -log_softmax(z)[y] for z, y in pixels])
    return alpha * entropy + (1 - alpha) * dice(pixels, classes, smooth)


def sensitivity_specificity(pixels, classes="present", weight=0.05):
    losses = []
    for ps, ys in regions(pixels, classes):
        inside = mean([(1 - p) ** 2 for p, y in zip(ps, ys, strict=True) if y])
        outside = mean([p**2 for p, y in zip(ps, ys, strict=True) if not y])
        losses.append(weight * inside + (1 - weight) * outside)
    return mean(losses)


def level_set(pixels, heaviside="mahf", epsilon=0.05, normalize="sum"):
    steps = {
        "mahf": lambda phi: 0.5 * (1 + math.tanh(phi / epsilon)),
        "ahf": lambda phi: 0.5 * (1 + 2 / math.pi * math.atan(phi / epsilon)),
        "hf": lambda phi: 1.0 if phi >= 0 else 0.0,
    }
    energy = 0.0
    for ps, ys in regions(pixels):
        inside = [steps[heaviside](p - 0.5) for p in ps]
        a, b = sum(inside), sum(1 - h for h in inside)
        c1 = sum(y * h for y, h in zip(ys, inside, strict=True)) / a if a else 0.0
        c2 = sum(y * (1 - h) for y, h in zip(ys, inside, strict=True)) / b if b else 0.0
        energy += sum((y - c1) ** 2 * h + (y - c2) ** 2 * (1 - h) for y, h in zip(ys, inside, strict=True))
    return energy / len(pixels) if normalize == "mean" and pixels else energy


def jaccard_loss_of_mistakes(ys, mistaken):
    """1 − IoU of a truth and the prediction that is wrong exactly at `mistaken`."""
    predicted = [(not y) if i in mistaken else bool(y) for i, y in enumerate(ys)]
    union = sum(1 for p, y in zip(predicted, ys, strict=True) if p or y)
    return 1 - sum(1 for p, y in zip(predicted, ys, strict=True) if p and y) / union if union else 0.0


def lovasz(pixels, classes="present"):
    """By the definition of the Lovász extension: the set function at the growing set of the largest errors."""
    losses = []
    for ps, ys in regions(pixels, classes):
        if len(pixels[0][0]) == 1:
            errors = [max(0.0, 1 - z[0] * (2 * y - 1)) for (z, _), y in zip(pixels, ys, strict=True)]
        else:
            errors = [abs(y - p) for p, y in zip(ps, ys, strict=True)]
        order = sorted(range(len(errors)), key=lambda i: -errors[i])
        value, before = 0.0, 0.0
        for rank, i in enumerate(order):
            now = jaccard_loss_of_mistakes(ys, set(order[: rank + 1]))
            value, before = value + errors[i] * (now - before), now
        losses.append(value)
    return mean(losses)


ORACLES = {
    function.__name__: function
    for function in (
        ce, iou, dice, log_cosh_dice, gdice, jaccard_distance, jml, tversky, focal_tversky, focal, poly_ce, topk_ce,
        loss_max_pooling, unified_focal, combo, sensitivity_specificity, level_set, lovasz,
    )
} | {"bce": ce}  # fmt: skip


def oracle(name, labels, logits, pooling="image", **options):
    """The values of a loss, one per image or one for the batch."""
    if name in SPATIAL:
        return SPATIAL[name](labels, logits, pooling=pooling, **options)
    return [ORACLES[name](pixels, **options) for pixels in groups(labels, logits, pooling)]
