"""The precision that layers are made in, for a while."""

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Keras' global dtype policy is `policy` inside the block, and afterwards what it was, whatever happened."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
