"""Joint prediction: an image through several networks that each know one category, and one label map from all."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kseg.conventions import DEFAULT_TASK
from kseg.datasets.images import Picture, Streamed
from kseg.datasets.images.streamed import together
from kseg.errors import UsageError
from kseg.inference.augmented import Augmented
from kseg.inference.model_file import ModelCard
from kseg.inference.predict import ImageSize, predict_probabilities
from kseg.postprocess import Refiner, Tiling
from kseg.tasks.semantic.decoding import foreground_probability

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Member:
    """One of the networks."""

    model: "keras.Model"
    card: ModelCard
    image_size: ImageSize
    """what it is fed"""


def joint_probabilities(foreground: np.ndarray, *, threshold: float = 0.5) -> np.ndarray:
    """Probabilities of background and K categories from the foreground probabilities of K networks.

        q_0 = (1 − m)·t / (1 − t)      q_k = p_k      m = max_k p_k      each divided by Σ q

    The largest q is that of the most probable category where its probability exceeds the threshold t, and that of
    background elsewhere. Among equals the first wins.

    Args:
      foreground: (K, H, W), p_k of each network.
      threshold: t, between 0 and 1.
    Returns:
      float32 (H, W, K + 1), which sum to 1.
    >>> two = np.array([[[0.9, 0.2, 0.4]], [[0.6, 0.8, 0.3]]])  # two categories in a row of three pixels
    >>> joint_probabilities(two).argmax(-1)
    array([[1, 2, 0]])

    Source: Rahman & Wang 2016, section 4, "we pass all test images through the learned models, one for each object
    category". Deviations: the paper then segments "the specific objects individually"; one map of all is ours.
    """
    p = np.asarray(foreground, np.float64)
    background = (1 - p.max(axis=0)) * threshold / (1 - threshold)
    q = np.concatenate([background[None], p])
    # The sum is 0 only where all networks are certain of background and t → 0: the pixel is background.
    total = q.sum(axis=0)
    q[0][total == 0] = 1.0
    return np.moveaxis(q / q.sum(axis=0), 0, -1).astype(np.float32)


def joint_card(members: Sequence[Member], names: Sequence[str]) -> ModelCard:
    """The classes of the joint label map: background, and the category of each network.

    Args:
      names: what the networks are called in error messages.
    Raises:
      UsageError: fewer than two networks, a network of another task or of several classes, two networks of the same
        category, or training images of different values.
    """
    # 1. each run has one category, which no other run has
    if len(members) < 2:
        raise UsageError(f"--joint joins at least two runs of one category each, received {len(members)}")
    for member, name in zip(members, names, strict=True):
        if member.card.task != DEFAULT_TASK:
            raise UsageError(
                f"{name} answers the task {member.card.task!r}; --joint joins label maps, {DEFAULT_TASK!r}"
            )
        if len(member.card.classes) != 2:
            raise UsageError(
                f"{name} tells {len(member.card.classes)} classes apart ({', '.join(member.card.classes)}); "
                "--joint joins runs of one category each (--category)"
            )
    categories = [member.card.classes[1] for member in members]
    for i, category in enumerate(categories):
        if category in categories[:i]:
            first = names[categories.index(category)]
            raise UsageError(f"{first} and {names[i]} both find {category!r}; leave one of them out")
    # 2. the runs were trained on images of the same values
    ranges = dict.fromkeys(member.card.value_range for member in members)
    if len(ranges) > 1:
        raise UsageError(
            f"the runs were trained on images of different values (black and white: {', '.join(map(str, ranges))}); "
            "train them on the same images"
        )
    # 3. background, and a class of each
    palette = [members[0].card.palette[0], *(member.card.palette[1] for member in members)]
    classes = (members[0].card.classes[0], *categories)
    return ModelCard(classes, tuple(palette), model="joint", value_range=members[0].card.value_range)


def predict_joint(
    members: Sequence[Member],
    images: Callable[[], Iterable[Picture]],
    *,
    threshold: float = 0.5,
    batch_size: int = 16,
    refine: Refiner | None = None,
    tiling: Tiling | None = None,
    augmented: Augmented | None = None,
) -> Iterator[np.ndarray | Streamed]:
    """`joint_probabilities` for each image, in order.

    Args:
      images: called for the images once for every network, so that memory holds a batch per network, and once more
        with `refine`.
      refine: applied to the joint probabilities.
      tiling, augmented: how every network is shown the images, see `Predictor`.
    """

    def joined(probabilities: Sequence[np.ndarray]) -> np.ndarray:
        return joint_probabilities(
            np.stack([foreground_probability(one) for one in probabilities]), threshold=threshold
        )

    runs = [
        predict_probabilities(one.model, images(), one.image_size, batch_size, tiling=tiling, augmented=augmented)
        for one in members
    ]
    shown: Iterable[Picture | None] = itertools.repeat(None) if refine is None else images()
    # The networks come first in `zip`: a reader that they share reads each image for the first of them.
    for probabilities, image in zip(zip(*runs, strict=True), shown, strict=False):
        joint: np.ndarray | Streamed = (
            joined(probabilities) if tiling is None else together(probabilities, joined, channels=len(members) + 1)
        )
        if refine is not None and image is not None:
            joint = refine(np.asarray(image), np.asarray(joint))
        yield joint
