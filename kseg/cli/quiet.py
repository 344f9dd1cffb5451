"""TensorFlow's start-up notes (processor features, no GPU) are not about the user's images: they are kept back."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


def import_keras_quietly() -> None:
    """Import Keras and its backend; what they write to stderr is shown only if the import fails."""
    # Messages after the import obey this level; errors arrive as exceptions all the same.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _stderr_kept_back():
        import keras  # noqa: F401


@contextlib.contextmanager
def _stderr_kept_back() -> Iterator[None]:
    """The notes come from C++ before any log level applies, so the file descriptor itself has to be turned away."""
    sys.stderr.flush()
    shown = os.dup(2)
    with tempfile.TemporaryFile() as kept_back:
        os.dup2(kept_back.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(shown, 2)
            kept_back.seek(0)
            sys.stderr.write(kept_back.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(shown, 2)
            os.close(shown)
