"""The lab: what is done with finished runs. `report` makes one run into a page that a person wants to look at."""
