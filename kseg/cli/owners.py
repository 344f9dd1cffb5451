"""Whose option a flag is, for the sentence that refuses it where it means nothing."""

from kseg.datasets import opening


def owner_of_data_flag(flag: str) -> str:
    """A sentence of whose option a flag is; "" for a flag of no data set."""
    option = option_of(flag)
    data_sets = opening.owners(option) or opening.owners(option.removeprefix("no_"))
    return f"{flag} is an option of --dataset {' or '.join(data_sets)}" if data_sets else ""


def owner_of_flag(flag: str) -> str:
    """A sentence of whose option a flag is; "" for a flag of no data set, model and encoder."""
    from kseg.encoders import ENCODERS
    from kseg.models.architecture import owners

    if sentence := owner_of_data_flag(flag):
        return sentence
    option = option_of(flag)
    if models := owners(option):
        return f"{flag} is an option of --model {' or '.join(models)}"
    encoders = [name for name, encoder in ENCODERS.items() if option in encoder.options]
    return f"{flag} is an option of --encoder {' or '.join(encoders)}" if encoders else ""


def option_of(flag: str) -> str:
    return flag.lstrip("-").partition("=")[0].replace("-", "_")
