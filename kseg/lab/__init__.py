"""The lab: recipes of jobs, the places where jobs run, and tables, plots and reports of their results."""
