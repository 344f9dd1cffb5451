"""The losses in plain PyTorch, after their authors' formulas, and in MONAI, for timing kseg's beside them.

Each takes logits (N, C, H, W) and labels (N, H, W) int64 without void, and returns the batch's mean. They are written
as a user of PyTorch would write them, for speed and not for void pixels, soft labels or half precision.
"""

import math
from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.nn import functional as F

PLANE = (2, 3)


def probabilities(logits: Tensor) -> Tensor:
    return logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)


def one_hot(logits: Tensor, labels: Tensor) -> Tensor:
    if logits.shape[1] == 1:
        return labels[:, None].float()
    return torch.zeros_like(logits).scatter_(1, labels[:, None], 1.0)


def both(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities and truth of every class; background and foreground for one channel."""
    p, y = probabilities(logits), one_hot(logits, labels)
    return (torch.cat([1 - p, p], 1), torch.cat([1 - y, y], 1)) if logits.shape[1] == 1 else (p, y)


def entropies(logits: Tensor, labels: Tensor) -> Tensor:
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], labels.float(), reduction="none")
    return F.cross_entropy(logits, labels, reduction="none")


def present_mean(losses: Tensor, y: Tensor) -> Tensor:
    """Mean over the classes that the truth holds, then over images."""
    if y.shape[1] == 1:
        return losses.mean()
    here = (y.sum(PLANE) > 0).float()
    return ((losses * here).sum(1) / here.sum(1)).mean()


def of_regions(quotient: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """A loss from its quotient of p and y, (N, K)."""

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        p, y = probabilities(logits), one_hot(logits, labels)
        return present_mean(quotient(p, y), y)

    return loss


def iou(p, y):
    overlap = (p * y).sum(PLANE)
    return 1 - overlap / (p.sum(PLANE) + y.sum(PLANE) - overlap)


def dice(p, y):
    return 1 - (2 * (p * y).sum(PLANE) + 1) / (p.sum(PLANE) + y.sum(PLANE) + 1)


def jaccard_distance(p, y):
    overlap = (p * y).sum(PLANE)
    return 1 - overlap / ((p * p).sum(PLANE) + (y * y).sum(PLANE) - overlap)


def jml(p, y):
    together, apart = (p + y).sum(PLANE), (p - y).abs().sum(PLANE)
    return 1 - (together - apart) / (together + apart)


def tversky(p, y, a=0.3, b=0.7):
    hit = (p * y).sum(PLANE)
    return 1 - hit / (hit + a * (p * (1 - y)).sum(PLANE) + b * ((1 - p) * y).sum(PLANE))


def sensitivity_specificity(p, y):
    error = (y - p) ** 2
    inside = (error * y).sum(PLANE) / y.sum(PLANE).clamp(min=1)
    return 0.05 * inside + 0.95 * (error * (1 - y)).sum(PLANE) / (1 - y).sum(PLANE)


def level_set(logits, labels):
    """Kim's eq. 4 as it stands: the two means, then a pass over (G − c)²."""
    p, g = probabilities(logits), one_hot(logits, labels)
    h = 0.5 * (1 + torch.tanh((p - 0.5) / 0.05))
    c1 = ((g * h).sum(PLANE) / h.sum(PLANE))[..., None, None]
    c2 = ((g * (1 - h)).sum(PLANE) / (1 - h).sum(PLANE))[..., None, None]
    return ((g - c1) ** 2 * h + (g - c2) ** 2 * (1 - h)).sum((1, 2, 3)).mean()


def gdice(logits, labels):
    p, y = both(logits, labels)
    size = y.sum(PLANE)
    w = torch.where(size > 0, size.clamp(min=1) ** -2, 0.0)
    return (1 - 2 * (w * (p * y).sum(PLANE)).sum(1) / (w * (p + y).sum(PLANE)).sum(1)).mean()


def focal(logits, labels):
    ce = entropies(logits, labels)
    return ((1 - torch.exp(-ce)) ** 2 * ce).mean()


def poly_ce(logits, labels):
    ce = entropies(logits, labels)
    return (ce + 1 - torch.exp(-ce)).mean()


def topk_ce(logits, labels):
    ce = entropies(logits, labels).flatten(1)
    return ce.topk(math.ceil(0.25 * ce.shape[1]), sorted=False)[0].mean()


def loss_max_pooling(logits, labels, p=1.3):
    """The closed form over losses in falling order."""
    ce, q = entropies(logits, labels).flatten(1), p / (p - 1)
    n = ce.shape[1]
    m = 0.25 * n
    with torch.no_grad():
        powers = (ce / ce.amax(1, keepdim=True)) ** q
        hardest = powers.sort(1, descending=True)[0]
        tail = hardest.flip(1).cumsum(1).flip(1)
        before = torch.arange(n, dtype=torch.float32)
        k = ((m - before) * hardest <= tail).float().argmax(1, keepdim=True)
        level = (m - k) / tail.gather(1, k)
        weights = (powers * level).clamp(max=1) ** (1 / p) * m ** (-1 / p) * n ** (-1 / q)
    return (weights * ce).sum(1).mean()


def unified_focal(logits, labels, delta=0.6, gamma=0.5):
    p, y = both(logits, labels)
    price = torch.full((p.shape[1], 1, 1), delta)
    price[0] = 1 - delta
    cross = -y * torch.log(p.clamp(1e-7, 1 - 1e-7)) * price
    focal = torch.cat([(1 - p[:, :1]).clamp(min=1e-12) ** gamma * cross[:, :1], cross[:, 1:]], 1).sum(1).mean()
    hit = (p * y).sum(PLANE)
    losses = 1 - hit / (hit + delta * ((1 - p) * y).sum(PLANE) + (1 - delta) * (p * (1 - y)).sum(PLANE))
    losses = torch.cat([losses[:, :1], losses[:, 1:].clamp(min=1e-12) ** (1 - gamma)], 1)
    return 0.5 * focal + 0.5 * present_mean(losses, y)


def combo(logits, labels):
    return 0.5 * 0.5 * entropies(logits, labels).mean() + 0.5 * of_regions(dice)(logits, labels)


def lovasz(logits, labels):
    """Berman's algorithm 1 per image: errors sorted, truth gathered, two cumulative sums, a dot product."""
    y = one_hot(logits, labels).flatten(2)
    if logits.shape[1] == 1:
        errors = 1 - logits.flatten(2) * (2 * y - 1)
    else:
        errors = (y - probabilities(logits).flatten(2)).abs()
    ranked, order = errors.sort(2, descending=True)
    truth = y.gather(2, order)
    size = truth.sum(2, keepdim=True)
    jaccard = 1 - (size - truth.cumsum(2)) / (size + (1 - truth).cumsum(2))
    jaccard[..., 1:] = jaccard[..., 1:] - jaccard[..., :-1].clone()
    return present_mean((ranked.relu() * jaccard).sum(2), y[..., None])


def adaptive(logits, labels, power=5.0):
    """Scores averaged over the 3×3 neighbors of the same class, then a power mean of the cross-entropy."""
    near = math.exp(-0.5)
    z, weights = torch.zeros_like(logits), torch.zeros(labels.shape)
    scores, ids = F.pad(logits, (1, 1, 1, 1)), F.pad(labels, (1, 1, 1, 1), value=-1)
    height, width = labels.shape[1:]
    for dy in range(3):
        for dx in range(3):
            same = (ids[:, dy : dy + height, dx : dx + width] == labels) * (1.0 if dy == dx == 1 else near)
            z = z + same[:, None] * scores[:, :, dy : dy + height, dx : dx + width]
            weights = weights + same
    ce = entropies(z / weights[:, None], labels).flatten(1)
    return ((ce**power).mean(1) ** (1 / power)).mean()


def mumford_shah(logits, labels):
    p, x = both(logits, labels)
    energy = 0.0
    for band in x.split(1, 1):
        mean = (band * p).sum(PLANE) / p.sum(PLANE)
        energy = energy + ((band - mean[..., None, None]) ** 2 * p).sum((1, 2, 3))
    border = (p[:, :, 1:] - p[:, :, :-1]).abs().sum((1, 2, 3)) + (p[..., 1:] - p[..., :-1]).abs().sum((1, 2, 3))
    return ((energy + 1e-3 * border) / labels[0].numel()).mean()


def boundary(logits, labels, maps):
    """`maps` (N, C, H, W) come from the pipeline, as in the authors' code."""
    return (maps * probabilities(logits)).sum(1).mean()


def cldice(logits, labels):
    p, y = probabilities(logits), one_hot(logits, labels)

    def erode(x):
        return -torch.maximum(F.max_pool2d(-x, (3, 1), 1, (1, 0)), F.max_pool2d(-x, (1, 3), 1, (0, 1)))

    def skeleton(x):
        thin = F.relu(x - F.max_pool2d(erode(x), 3, 1, 1))
        for _ in range(3):
            x = erode(x)
            left = F.relu(x - F.max_pool2d(erode(x), 3, 1, 1))
            thin = thin + F.relu(left - thin * left)
        return thin

    thin_p, thin_y = skeleton(p), skeleton(y)
    precision = ((thin_p * y).sum(PLANE) + 1) / (thin_p.sum(PLANE) + 1)
    sensitivity = ((thin_y * p).sum(PLANE) + 1) / (thin_y.sum(PLANE) + 1)
    return present_mean(1 - 2 * precision * sensitivity / (precision + sensitivity), y)


def rmi(logits, labels, ridge=1e-3):
    """The lower bound by Cholesky of the Schur complement, on cells of 4×4 and neighborhoods of 3×3."""
    p, y = (F.avg_pool2d(v, 4) for v in (probabilities(logits), one_hot(logits, labels)))
    vectors = [F.unfold(v.flatten(0, 1)[:, None], 3).double() for v in (p, y)]
    p, y = (v - v.mean(2, keepdim=True) for v in vectors)
    identity, number = ridge * torch.eye(9, dtype=torch.float64), p.shape[2]
    pp, yy, yp = (a @ b.mT / number for a, b in ((p, p), (y, y), (y, p)))
    rest = yy + identity - yp @ torch.linalg.solve(pp + identity, yp.mT)
    losses = 2 * torch.linalg.cholesky(rest).diagonal(dim1=1, dim2=2).log().sum(1) / 18
    return present_mean(losses.reshape(logits.shape[:2]).float(), one_hot(logits, labels))


def hausdorff(logits, labels):
    """Distance maps by SciPy, as the public implementations make them."""
    from scipy.ndimage import distance_transform_edt

    p, y = probabilities(logits), one_hot(logits, labels)

    def field(mask):
        maps = torch.zeros(mask.shape)
        for n, k in mask.flatten(2).any(2).nonzero().tolist():
            here = mask[n, k].numpy()
            if not here.all():
                maps[n, k] = torch.from_numpy(distance_transform_edt(here) + distance_transform_edt(~here))
        return maps

    with torch.no_grad():
        weight = field(y > 0.5) ** 2 + field(p > 0.5) ** 2
    return present_mean(((p - y) ** 2 * weight).mean(PLANE), y)


PEERS: dict[str, Callable] = {
    "bce": lambda z, y: entropies(z, y).mean(),
    "ce": lambda z, y: entropies(z, y).mean(),
    "iou": of_regions(iou),
    "dice": of_regions(dice),
    "log_cosh_dice": lambda z, y: torch.log(torch.cosh(of_regions(dice)(z, y))),
    "jaccard_distance": of_regions(jaccard_distance),
    "jml": of_regions(jml),
    "tversky": of_regions(tversky),
    "focal_tversky": of_regions(lambda p, y: tversky(p, y).clamp(min=1e-12) ** 0.75),
    "sensitivity_specificity": of_regions(sensitivity_specificity),
    "level_set": level_set,
    "gdice": gdice,
    "focal": focal,
    "poly_ce": poly_ce,
    "topk_ce": topk_ce,
    "loss_max_pooling": loss_max_pooling,
    "unified_focal": unified_focal,
    "combo": combo,
    "lovasz": lovasz,
    "adaptive": adaptive,
    "mumford_shah": mumford_shah,
    "boundary": boundary,
    "cldice": cldice,
    "rmi": rmi,
    "hausdorff": hausdorff,
}


def monai_losses(channels: int) -> dict[str, Callable]:
    """MONAI's losses of the same kind, where MONAI is installed; they pool images and classes in their own ways."""
    if find_spec("monai") is None:
        return {}
    from monai import losses

    how = {"sigmoid": True} if channels == 1 else {"softmax": True, "to_onehot_y": True}
    made = {
        "dice": losses.DiceLoss(**how),
        "jaccard_distance": losses.DiceLoss(**how, jaccard=True, squared_pred=True),
        "gdice": losses.GeneralizedDiceLoss(**how),
        "tversky": losses.TverskyLoss(**how, alpha=0.3, beta=0.7),
        "focal": losses.FocalLoss(gamma=2.0, **({} if channels == 1 else {"to_onehot_y": True, "use_softmax": True})),
        "hausdorff": losses.HausdorffDTLoss(**how),
    }
    return {name: lambda z, y, loss=loss: loss(z, y[:, None].float()) for name, loss in made.items()}
