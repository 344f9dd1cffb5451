#!/usr/bin/env python
"""`python train.py …` is `kseg train …`."""

import sys

from kseg.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]], program="train.py"))
