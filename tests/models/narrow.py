"""Every architecture at a size for tests: the smallest width of whatever option has "width" in its name."""

from kseg.models import MODELS, build

NARROW = {"head_width": 8, "base_width": 4, "width": 8}


def narrow_options(name):
    return {option: NARROW[option] for option in MODELS[name].options if option in NARROW}


def narrow(name, **arguments):
    return build(name, **narrow_options(name), **arguments)
