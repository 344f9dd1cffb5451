"""The lab: recipes of jobs, who runs the jobs, and what is made of their results."""
