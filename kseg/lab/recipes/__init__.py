"""A file per paper or question: a list of settings, the paper's numbers, and the ranges expected of ours."""
