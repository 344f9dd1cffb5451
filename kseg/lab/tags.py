"""The tags of a recipe's settings in a few lines, for whoever has to choose among them with `--only`."""

import textwrap
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest

from kseg.wording import counted

WIDTH = 110


def tag_lines(tags: Sequence[tuple[str, ...]]) -> list[str]:
    """A line for every place of a tag and number of jobs that have it: "  16 jobs each: big, small".

    Args:
      tags: of every job.
    """
    lines = []
    for place in zip_longest(*tags):
        by_count: dict[int, list[str]] = {}
        for tag, count in Counter(tag for tag in place if tag is not None).items():
            by_count.setdefault(count, []).append(tag)
        for count, names in by_count.items():
            start = f"  {counted(count, 'job')}{' each' if len(names) > 1 else ''}: "
            lines += textwrap.wrap(
                ", ".join(names), WIDTH, initial_indent=start, subsequent_indent="    ", break_on_hyphens=False
            )
    return lines
