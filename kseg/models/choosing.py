"""Options of a network by the name of its architecture, from a call, a file or a record."""

from collections.abc import Mapping
from typing import Any

from kseg.errors import UsageError
from kseg.models.architecture import MODELS, owners
from kseg.models.options import ModelOptions


def model_options(model: str | None = None, **options: Any) -> Any:
    """Options of an architecture: `model_options("unet", base_width=16)`; without a name, those common to all.

    Raises: UsageError for an unknown name, an option that the architecture does not have, or a number out of range.
    """
    kind = ModelOptions if model is None else MODELS[model].options_on(options.get("encoder"))
    if unknown := [name for name in options if name not in kind.__dataclass_fields__]:
        remedy = f"its own are {', '.join(kind.own_names)}" if kind.own_names else "name an architecture"
        raise UsageError(f"{model or 'not every architecture'} has no option {', '.join(unknown)}; {remedy}")
    return kind(model=model, **options)


def kind_for(values: Mapping[str, Any], *, otherwise: str) -> type[Any]:
    """The options class whose fields these values are; `otherwise` names the architecture where the values do not.

    If all values are common to every architecture, an unknown model name is accepted; building it raises the error.
    """
    for key in ("model", "encoder"):
        if not isinstance(values.get(key), str | None):
            raise UsageError(f"{key} of [model] is {values[key]!r}; give a name as text")
    name, encoder = values.get("model"), values.get("encoder")
    if (name is None or name not in MODELS) and not set(values) - set(ModelOptions.__dataclass_fields__):
        return ModelOptions
    return MODELS[otherwise if name is None else name].options_on(encoder)


def without_foreign(values: Mapping[str, Any], kind: type[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values without the options of other architectures, and those options."""
    foreign = foreign_to(kind, values)
    return {name: value for name, value in values.items() if name not in foreign}, foreign


def foreign_to(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of options that `kind` does not have but some architecture has."""
    return {name: value for name, value in values.items() if name not in kind.__dataclass_fields__ and owners(name)}


def left_out(foreign: Mapping[str, Any], values: Mapping[str, Any], *, where: str) -> str:
    """The note about options of other architectures in a file."""
    whose = "; ".join(f"{name} is of {', '.join(owners(name))}" for name in foreign)
    return f"{where} sets options that {values.get('model')} does not have; they are left out: {whose}"
