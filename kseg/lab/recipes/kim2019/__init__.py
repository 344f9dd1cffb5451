"""Kim et al. 2019; importing it registers the recipe."""

import kseg.lab.recipes.kim2019.recipe  # noqa: F401
