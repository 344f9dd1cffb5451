"""Findings from the numbers of a run, and the commands to try next."""

import shlex
from collections.abc import Sequence

from kseg.inference.evaluate import another_split
from kseg.training.curve import still_rising
from kseg.training.kept_epoch import by_score
from kseg.training.plan import name_of_loss
from kseg.training.record import RunRecord
from kseg.wording import counted

GAP = 0.1
"""A training score that exceeds the validation score by this much is called overfitting."""


def findings(run: RunRecord) -> list[str]:
    """A few sentences, plain text, each derived from a number of the run."""
    return [*_of_training(run), *_of_evaluation(run)]


def _of_training(run: RunRecord) -> list[str]:
    best, score = run.best, run.task.score
    if best is None:
        return ["No epoch has been finished yet."]
    last, sentences = run.epochs[-1]["epoch"], []
    if run.kept_by != by_score(score):
        sentences.append(
            f"The weights of epoch {best['epoch']} of {last} were kept, by the {run.kept_by}: the validation images "
            "give no score to choose by."
        )
    elif still_rising(run.epochs, score):
        sentences.append(
            f"Validation {score.title} was still rising when training ended after {counted(last, 'epoch')}; "
            "train longer."
        )
    elif best.get(score.key) is not None:
        sentences.append(
            f"Validation {score.title} was highest after epoch {best['epoch']} of {last} ({best[score.key]:.3f}); "
            "those weights were kept."
        )
    if None not in (best.get(score.name), best.get(score.key)) and best[score.name] - best[score.key] > GAP:
        sentences.append(
            f"Training {score.title} ({best[score.name]:.3f}) is well above validation {score.title}: more images or "
            "augmentation should help."
        )
    return sentences


def _of_evaluation(run: RunRecord) -> list[str]:
    if run.evaluation is None:
        return ["The run has not been measured on a test split."]
    return run.evaluation.remarks()


def repeat_command(run: RunRecord) -> str | None:
    """The command that made the run, ready to paste into a shell."""
    words = _words(run)
    return shlex.join(words) if words else None


def longer_command(run: RunRecord) -> str | None:
    """The command that goes on with the run for as many epochs again; None where its curve has flattened."""
    words, epochs = _words(run), run.config.get("training", {}).get("epochs")
    if not words or not epochs or not still_rising(run.epochs, run.task.score) or run.epochs[-1]["epoch"] < int(epochs):
        return None
    return shlex.join([*with_flag(words, "epochs", str(2 * int(epochs)), but=()), *_workdir_of(run, words)])


def advice_to_go_on(run: RunRecord) -> str | None:
    """A line for the end of training."""
    command = longer_command(run)
    return None if command is None else f"validation {run.task.score.title} was still rising; go on with: {command}"


def _workdir_of(run: RunRecord, words: list[str]) -> list[str]:
    """`--workdir`, where the command does not name the run's directory already."""
    named = any(word.split("=")[0] == "--workdir" for word in words)
    return [] if named else ["--workdir", str(run.path)]


def next_commands(run: RunRecord) -> list[tuple[str, str]]:
    """(why, command) pairs for what people do with a run."""
    path = shlex.quote(str(run.path))
    commands = []
    if run.evaluation is not None:
        commands += [
            ("Segment your own pictures", f"kseg predict {path} photos/ --out masks"),
            ("Take the model elsewhere", f"kseg export {path} --format onnx"),
            ("Measure another split", f"kseg evaluate {path} --split {another_split(run.evaluation.split)}"),
        ]
    words, loss = _words(run), str(run.config.get("loss", {}).get("loss", ""))
    if words:
        other = run.task.another_loss(loss, _num_classes(run))
        if other != loss:
            commands.append(
                ("See what the loss does", _variant(run, "loss", other, f"{run.path}-{name_of_loss(other)}"))
            )
        longer = longer_command(run)
        if longer is not None:
            commands.append(("Train longer", longer))
    if (run.path / "tensorboard").is_dir():
        commands.append(("Follow curves and overlays", f"tensorboard --logdir {path}/tensorboard"))
    return commands


def _num_classes(run: RunRecord) -> int:
    """The number of classes measured; before a measurement that of the data set's options, or two."""
    if run.evaluation is not None:
        return len(run.evaluation.classes)
    options = run.data_options
    return 2 if options.category is not None else max(2, len(options.class_names or ()))


def _variant(run: RunRecord, flag: str, value: str, workdir: str) -> str:
    """The run's command with one flag changed, and with a run directory of its own for the changed configuration."""
    return shlex.join([*with_flag(_words(run), flag, value), "--workdir", workdir])


def with_flag(words: list[str], flag: str, value: str, *, but: Sequence[str] = ("workdir",)) -> list[str]:
    """The command with `--flag value`, and without the flags in `but`: `--workdir` belongs to the run it made."""
    remaining, skip = [], False
    for word in words:
        name = word.split("=")[0].lstrip("-").replace("_", "-")
        if skip:
            skip = False
        elif word.startswith("--") and name in (flag, *but):
            skip = "=" not in word
        else:
            remaining.append(word)
    return [*remaining, f"--{flag}", value]


def _words(run: RunRecord) -> list[str]:
    words = shlex.split(run.environment.get("command") or "")
    if not words:
        return []
    if words[0].endswith(".py"):
        return ["python", *words]
    return ["kseg", *words[1:]] if words[0].endswith("/kseg") else words
