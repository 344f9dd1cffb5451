"""A command from its line, with the options of the data set that the line names and of no other.

A command declares its data options as `DataOptions`. tyro makes flags from the type of a default, so the default is an
instance of the chosen data set's options: the line is searched for the data set first, then parsed.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, get_args, get_type_hints

import tyro
from tyro.conf import Positional, arg

from kseg.cli.flags import value_of
from kseg.cli.owners import owner_of_data_flag
from kseg.cli.parse import HELP, parse
from kseg.cli.run_data import NOT_GIVEN
from kseg.cli.train_line import has_file, read_train
from kseg.datasets import DATASETS, DataOptions, data_options
from kseg.datasets.opening import DEFAULT_DATASET, own_options
from kseg.errors import UsageError


@dataclasses.dataclass(frozen=True)
class NamedData(DataOptions):
    """Data options of a command that names its data set without a flag."""

    dataset: Positional[str]


def read_command(kind: Any, arguments: Sequence[str], *, program: str) -> Any:
    """An instance of `kind` as `parse` gives it; its data options are of the class of the data set they name.

    A command that learns its data set from the parsed line has a method `with_its_data`. The line is parsed with the
    flags of all data sets first; the method then gives the defaults for parsing it again.
    """
    if has_file(kind):
        return read_train(kind, arguments, program=program)
    if not hasattr(kind, "with_its_data"):
        default, more = tyro.MISSING_NONPROP, ""
        if takes_data(kind):
            default = holding(kind, {DataOptions: data_options(**chosen_data(arguments))}, arguments)
            more = data_sets()
        return parse(kind, arguments, program=program, default=default, whose=owner_of_data_flag, more=more)
    try:
        line = [word for word in arguments if word not in HELP]
        first = parse(kind, line, program=program, default=holding(kind, any_data(), arguments))
    except UsageError:
        if not HELP & set(arguments):
            raise
        general = data_options(**found) if (found := chosen_data(arguments)) else DataOptions(NOT_GIVEN)
        default = holding(kind, {DataOptions: general, NamedData: by_name(data_options())}, arguments)
    else:
        default = first.with_its_data()
    return parse(kind, arguments, program=program, default=default, whose=owner_of_data_flag, more=data_sets())


def takes_data(kind: Any) -> bool:
    """Whether a command has data options, in a field or deeper."""
    hints = get_type_hints(kind).values() if dataclasses.is_dataclass(kind) else ()
    return any(hint is DataOptions or takes_data(hint) for hint in hints)


def any_data() -> dict[type, DataOptions]:
    """Options that take the flags of every data set, to learn from the line which data set it is about.

    Where two data sets have an option of one name, it takes the values of both.
    """
    options: dict[str, tuple[Any, Any]] = {}
    for kind in (kind.Options for kind in DATASETS.values()):
        hints = get_type_hints(kind, include_extras=True)
        for field in dataclasses.fields(kind):
            if field.name in own_options(kind):
                known, default = options.get(field.name, (hints[field.name], field.default))
                options[field.name] = known if known == hints[field.name] else known | hints[field.name], default
    fields = [(name, hint, dataclasses.field(default=default)) for name, (hint, default) in options.items()]
    kind = dataclasses.make_dataclass("AnyData", fields, bases=(DataOptions,), frozen=True)
    return {DataOptions: kind(NOT_GIVEN), NamedData: by_name(kind(DEFAULT_DATASET))}


def holding(kind: Any, options: Mapping[type, Any], arguments: Sequence[str]) -> Any:
    """The command with its defaults, and with `options` in the fields of their types; required fields are MISSING.

    Among several actions it holds the one that the first argument names.
    """
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        hint: Any = get_type_hints(kind)[field.name]
        actions = {part.__name__.lower(): part for part in get_args(hint) if isinstance(part, type)}
        chosen = actions.get(arguments[0]) if arguments else None
        if hint in options:
            values[field.name] = options[hint]
        elif chosen is not None and dataclasses.is_dataclass(chosen):
            values[field.name] = holding(chosen, options, arguments)
        elif isinstance(hint, type) and dataclasses.is_dataclass(hint):
            values[field.name] = holding(hint, options, arguments)
        elif field.default is not dataclasses.MISSING:
            values[field.name] = field.default
        else:
            made = field.default_factory
            values[field.name] = tyro.MISSING if made is dataclasses.MISSING else made()
    return kind(**values)


def chosen_data(arguments: Sequence[str]) -> dict[str, str]:
    """The data set that `--dataset` names, as an argument of `data_options`."""
    name = value_of(arguments, "--dataset")
    return {} if name is None else {"dataset": name}


def by_name(options: DataOptions) -> NamedData:
    """The options, for a command line on which the data set's name needs no flag."""
    kind = type(options)
    annotations = {"dataset": Annotated[Positional[str], arg(help=f"which data set: {', '.join(DATASETS)}")]}
    content = {"__annotations__": annotations, "__doc__": kind.__doc__, "__module__": __name__}
    positional: Any = dataclasses.dataclass(frozen=True)(type(kind.__name__, (NamedData, kind), content))
    return positional(**vars(options))


def data_sets() -> str:
    """Which data sets there are, for the end of a command's description."""
    return f"Data sets: {', '.join(DATASETS)}. With --dataset NAME, --help shows the options of that one too."
