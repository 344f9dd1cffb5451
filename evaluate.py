#!/usr/bin/env python
"""`python evaluate.py …` is `kseg evaluate …`."""

import sys

from kseg.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]], program="evaluate.py"))
