"""Exit codes beside those of `kseg.errors`: what a shell expects of a command that a signal ended."""

INTERRUPTED = 130
"""Ctrl-C: 128 + SIGINT."""
NOBODY_READS = 141
"""`kseg … | head`, once head has gone: 128 + SIGPIPE, as of commands that do not catch it."""
