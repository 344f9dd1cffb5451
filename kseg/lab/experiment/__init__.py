"""What is run: a setting of a recipe, and the job that it is with a seed."""
