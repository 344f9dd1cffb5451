"""van Beers et al. 2019; importing it registers the recipe."""

import kseg.lab.recipes.vanbeers2019.recipe  # noqa: F401
