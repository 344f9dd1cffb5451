"""The places where jobs run, and how many run at a time."""
