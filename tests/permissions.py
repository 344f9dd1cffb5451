"""Permission bits do not stop the root user of a container, so a test runs as another user for a moment."""

import contextlib
import os


@contextlib.contextmanager
def ordinary_user():
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
