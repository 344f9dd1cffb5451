"""One file per paper or question: a list of settings, the paper's numbers, and what is expected of ours."""
