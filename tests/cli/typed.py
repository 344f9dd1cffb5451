"""A command as it is typed: what it says on stderr, and flags of runs of the tiny network."""

import tiny_network

from kseg.cli.main import main

TINY = ["--synthetic-size", "32", "--synthetic-counts", "8", "4", "4"]
TINY_TRAINING = [*TINY, "--model", tiny_network.NAME, "--batch-size", "4", "--no-tensorboard"]


def complaint(capsys, *arguments: str) -> tuple[int, str]:
    """Exit code and the text of stderr."""
    try:
        code = main(list(arguments))
    except SystemExit as leaving:
        code = int(leaving.code)
    return code, capsys.readouterr().err
