"""Lack of memory as a sentence. Every framework raises an error of its own for it."""

import contextlib
from collections.abc import Iterator

from kseg.errors import Failure, KsegError
from kseg.training.config import TrainConfig

CLASSES = {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}
"""Names of the errors of Python and NumPy, TensorFlow, PyTorch."""

WORDS = ("resource_exhausted", "out of memory", "out_of_memory", "failed to allocate")
"""Words in the messages of XLA's, JAX's and CUDA's errors, which have no class of their own."""


@contextlib.contextmanager
def memory_errors(doing: str, remedy: str) -> Iterator[None]:
    """Inside the block, an out-of-memory error becomes a `Failure`: "out of memory DOING; REMEDY"."""
    try:
        yield
    except KsegError:
        raise
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise Failure(f"out of memory {doing}; {remedy}") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that no memory was left."""
    if CLASSES & {kind.__name__ for kind in type(error).__mro__}:
        return "No space left" not in str(error)  # TensorFlow raises ResourceExhaustedError for a full disk too
    return isinstance(error, RuntimeError | SystemError) and any(word in str(error).lower() for word in WORDS)


def training_errors(config: TrainConfig) -> contextlib.AbstractContextManager[None]:
    """`memory_errors` around the training of a resolved configuration."""
    batch, size = config.training.batch_size, config.training_size
    assert batch is not None  # resolved
    return memory_errors(
        f"in training with batches of {batch} images of {size[0]}×{size[1]}", remedy=training_remedy(batch)
    )


def measuring_errors() -> contextlib.AbstractContextManager[None]:
    """`memory_errors` around the measuring of test images."""
    return memory_errors(
        "in measuring the test images", remedy="free memory and repeat the command, which goes on from here"
    )


def training_remedy(batch_size: int) -> str:
    """The options that make a step smaller."""
    smaller = f"a smaller --batch-size, such as {batch_size // 2}, " if batch_size > 1 else ""
    return f"pass {smaller}a smaller --image-size, or --precision mixed_bfloat16"
