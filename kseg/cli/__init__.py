"""The `kseg` command: one file per subcommand, a dataclass whose fields are its flags and whose `run` does the work."""
