"""`python -m kseg …` is `kseg …`, also where the scripts of the environment are not on the path."""

import sys

from kseg.cli.main import main

if __name__ == "__main__":
    sys.argv[0] = "kseg"  # a run records the command that repeats it, and names it in messages
    sys.exit(main())
