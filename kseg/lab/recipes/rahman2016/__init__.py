"""Rahman & Wang 2016; importing it registers the recipe."""

import kseg.lab.recipes.rahman2016.recipe  # noqa: F401
