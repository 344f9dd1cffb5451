"""Who runs jobs, and how many at a time."""
