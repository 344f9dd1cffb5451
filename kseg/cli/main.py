"""Finds the subcommand, turns flags into its dataclass, and errors into one sentence and an exit code.

Only the subcommand's own module is imported, so `kseg --help` answers at once.
"""

import dataclasses
import errno
import importlib
import io
import os
import sys

COMMANDS = {
    "train": ("kseg.cli.train:Train", "train a network, measure it, write model and report"),
    "evaluate": ("kseg.cli.evaluate:Evaluate", "measure a run or model on a data set's split"),
    "predict": ("kseg.cli.predict:Predict", "segment images: masks, overlays, probabilities"),
    "score": ("kseg.cli.score:Score", "score predictions that any program wrote against their truth"),
    "panoptic": ("kseg.cli.panoptic:Panoptic", "fuse two runs into segments, or tune the thresholds of a fusion"),
    "crf": ("kseg.cli.crf:Crf", "tune the dense CRF behind a trained network"),
    "export": ("kseg.cli.export:Export", "SavedModel, ONNX or LiteRT from a run or model"),
    "data": ("kseg.cli.data:Data", "info, prepare, check, preview or count a data set; cache of features"),
    "weights": ("kseg.cli.weights:Weights", "convert weights of torchvision's networks for --weights"),
    "losses": ("kseg.cli.losses:Losses", "list the losses, or show and draw one"),
    "lab": ("kseg.cli.lab:Lab", "run a recipe: the papers' experiments, the study of losses"),
}

CIRCUMSTANCES = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENAMETOOLONG, errno.ELOOP,
    errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.EMFILE,
}  # fmt: skip
"""System errors that a fault of kseg cannot cause."""


def main(arguments: list[str] | None = None, *, program: str | None = None) -> int:
    """Run one subcommand; returns the exit code (0 done, 1 failed, 2 wrong usage, 130 interrupted, 141 unread)."""
    _ready_streams()
    try:
        try:
            return _main(arguments, program)
        finally:
            sys.stdout.flush()  # here, so that a closed pipe is noticed before Python ends
    except BrokenPipeError:
        from kseg.cli.exit_codes import NOBODY_READS

        _drop_output()
        return NOBODY_READS
    except OSError as error:
        if error.errno not in CIRCUMSTANCES:
            raise
        _drop_output()
        print(f"kseg: cannot write the output: {error.strerror}; make room or send it elsewhere", file=sys.stderr)
        return 1


def _ready_streams() -> None:
    """Open closed streams (`>&-`) to nowhere; a character that a console lacks is shown by its number."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the free number, which the next opened file would get
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Send the rest of the buffer to nowhere, because Python complains about it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _main(arguments: list[str] | None, program: str | None) -> int:
    # 1. what needs no command, and answers at once
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview())
        return 0
    if arguments[0] == "--version":
        from kseg import __version__

        print(f"kseg {__version__}")
        return 0

    from kseg.allocator import keep_freed_memory
    from kseg.cli.exit_codes import INTERRUPTED
    from kseg.cli.quiet import import_keras_quietly
    from kseg.errors import KsegError
    from kseg.ranges import check_ranges

    # 2. the command
    try:
        command = _parse(arguments, program=program)
        if dataclasses.is_dataclass(command):
            check_ranges(command)
        keep_freed_memory()
        import_keras_quietly()
        return command.run()
    # 3. one sentence for everything that a person can act on
    except KsegError as error:
        print(f"kseg: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("kseg: interrupted", file=sys.stderr)
        return INTERRUPTED
    except MemoryError:
        print("kseg: out of memory; give smaller images or a smaller --batch-size", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in CIRCUMSTANCES or error.filename is None:
            raise
        where = error.filename
        print(
            f"kseg: cannot use {where}: {error.strerror}; change permissions or choose another place", file=sys.stderr
        )
        return 1


def overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  kseg {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        ["Train, measure and compare segmentation losses in Keras.", "", *lines, "", "`kseg COMMAND --help` says more."]
    )


def _parse(arguments: list[str], *, program: str | None):
    """The command that the arguments mean."""
    from kseg.cli.flags import understood
    from kseg.cli.join import read_command
    from kseg.errors import unknown_name

    name, *rest = arguments
    if name not in COMMANDS:
        raise unknown_name("command", name, COMMANDS)
    module, _, attribute = COMMANDS[name][0].partition(":")
    kind = getattr(importlib.import_module(module), attribute)
    program = program or f"kseg {name}"
    return read_command(kind, understood(rest), program=program)
