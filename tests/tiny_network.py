"""A network of two convolutions for tests that train, built in no time."""

from collections.abc import Iterator
from contextlib import contextmanager

from keras import layers

from kseg.models import MODELS, architecture
from kseg.models.unet import AMADI
from kseg.signature import Dropped, Width

NAME = "tiny"


def tiny(image, channels, *, base_width: Width = 4, dropout: Dropped = 0.0):
    """Two 3×3 convolutions with a batch normalization, then scores.

    Args:
      base_width: feature maps.
      dropout: share of the features that training leaves out.
    """
    x = layers.Rescaling(1 / 255, name="preprocess")(image)
    x = layers.Conv2D(base_width, 3, padding="same", activation="relu", name="conv1")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Conv2D(base_width, 3, padding="same", activation="relu", name="conv2")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Conv2D(channels, 1, name="classifier")(x)


def register() -> None:
    """Registers the network as a plug-in would, with the preset of the default network."""
    architecture(NAME, preset=AMADI)(tiny)


@contextmanager
def registered() -> Iterator[None]:
    """Registers the network for the length of a `with`."""
    len(MODELS)  # the room is imported now, and not into the copy
    entries = MODELS._entries
    MODELS._entries = dict(entries)
    register()
    try:
        yield
    finally:
        MODELS._entries = entries
