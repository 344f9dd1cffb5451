"""Lets the tests import the loops in tests/oracles, however they are started."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent))
