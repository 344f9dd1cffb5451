"""Settings of a recipe, and jobs: a setting with a seed."""
