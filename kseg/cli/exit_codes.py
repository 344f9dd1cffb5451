"""Exit codes beside those of `kseg.errors`: what a shell expects of a command that Ctrl-C ended."""

INTERRUPTED = 130
