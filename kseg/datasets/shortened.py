"""Sentences of a check by kind: the first few of each kind are shown, the others are counted."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

FIRST = 5
"""Sentences of a kind that are shown."""

OWN = re.compile(
    r"'[^']*' | \"[^\"]*\" | \([^)]*\) | \[[^]]*\] | (?<=\bobject\ )[^\s:,]+ | (?<=\bsegment\ )[^\s:,]+"
    r" | \S*[\d/\\]\S* | \S+\.[A-Za-z]\w{1,4}(?=[\s,;:]|$)",
    re.VERBOSE,
)
"""What a sentence says of its own image and object: quoted text, brackets, ids, numbers, paths and files."""


def kind_of(sentence: str, record: str = "", files: Iterable[str] = ()) -> str:
    """The sentence without the image and the object that it is about.

    Args:
      record: name of the image; the sentence may begin with it.
      files: paths, which may contain spaces.

    >>> kind_of("cat, object 7: its box [1, 2, 0, 0] has no area", "cat")
    '…, object …: its box … has no area'
    """
    for path in sorted(files, key=len, reverse=True):
        sentence = sentence.replace(path, "…")
    if record and sentence.startswith(record):
        sentence = f"…{sentence[len(record) :]}"
    return OWN.sub("…", sentence)


def shortened(sentences: Sequence[str], kinds: Mapping[str, str], most: int = FIRST) -> list[str]:
    """The first `most` sentences of each kind in their order, then the number of the others, if 2 or more.

    Args:
      kinds: sentence → kind, for sentences whose kind `kind_of` cannot tell without record and files.

    >>> shortened(["a.png has no mask", "b.png has no mask", "c.png has no mask", "the test split is empty"], {}, 1)
    ['a.png has no mask', '… and 2 more of this kind', 'the test split is empty']
    """
    kind_by_place = [kinds.get(sentence) or kind_of(sentence) for sentence in sentences]
    counts, told = Counter(kind_by_place), Counter[str]()
    lines = []
    for sentence, kind in zip(sentences, kind_by_place, strict=True):
        told[kind] += 1
        if told[kind] <= most or counts[kind] == most + 1:
            lines.append(sentence)
        if told[kind] == most < counts[kind] - 1:
            lines.append(f"… and {counts[kind] - most} more of this kind")
    return lines
