"""Which image is in which split, as a run records it, so that a later draw cannot measure it on its training images."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kseg.conventions import SPLITS
from kseg.datasets.base import Dataset
from kseg.datasets.record import Record
from kseg.errors import Failure, UsageError
from kseg.reading import held_to, read_json
from kseg.wording import counted, listed

FILE = "splits.json"
"""The name of the file in a run directory."""


@dataclass(frozen=True)
class Membership:
    """The images of each split, and their truth."""

    splits: Mapping[str, Mapping[str, str]]
    """`splits[split][record id]` is the digest of the picture (`Dataset.picture_digests`)"""
    truths: Mapping[str, str] | None = None
    """record id to `Dataset.truth_digests`; None for a run that did not record them"""

    @classmethod
    def of(cls, dataset: Dataset, splits: Mapping[str, Sequence[Record]]) -> "Membership":
        pictures = {
            split: dict(zip((record.id for record in records), dataset.picture_digests(records), strict=True))
            for split, records in splits.items()
        }
        return cls(pictures, _truths(dataset, [record for records in splits.values() for record in records]))

    @classmethod
    def read(cls, run: Path) -> "Membership | None":
        """What the run in this directory recorded; None for an older run without the file, or no run.

        Raises: Failure for a file that holds something else.
        """
        path = run / FILE
        if not path.is_file():
            return None
        remedy = "copy it again, or train again"
        stored: dict[str, Any] = read_json(path, dict[str, Any], remedy=remedy)
        try:
            splits: dict[str, dict[str, str]] = held_to(stored.get("splits"), dict[str, dict[str, str]])
            truths: dict[str, str] | None = held_to(stored.get("truths"), dict[str, str] | None)
        except ValueError:
            splits, truths = {}, None
        if not {"train"} <= set(splits) <= set(SPLITS):
            raise Failure(f"{path} does not hold the splits of a run; {remedy}")
        return cls(splits, truths)

    def to_json(self) -> dict[str, Any]:
        return {"splits": self.splits, "truths": self.truths}

    def changes(self, now: "Membership") -> str:
        """What differs in `now`, as "2 images are in another split (a1, a7), 1 image is new (b3)"; "" for nothing."""
        before, after = self._homes(), now._homes()
        moved = [name for name in before if name in after and before[name][0] != after[name][0]]
        altered = [name for name in before if name in after and before[name] != after[name] and name not in moved]
        changed = {
            "in another split": moved,
            "another picture under the same name": altered,
            "labeled otherwise": self.relabeled(now.truths or {}),
            "gone": [name for name in before if name not in after],
            "new": [name for name in after if name not in before],
        }
        return ", ".join(
            f"{_are(len(names))} {what} ({listed(sorted(names))})" for what, names in changed.items() if names
        )

    def relabeled(self, now: Mapping[str, str]) -> list[str]:
        """The names whose truth is another one `now`, where both are known."""
        before = self.truths or {}
        return [name for name, truth in now.items() if before.get(name, truth) != truth]

    def in_two_splits(self) -> list[tuple[str, str]]:
        """Pairs of different names for one picture in two splits, as ("a1 (train)", "a9 (test)").

        One name in two splits does not count, since the test split may be the validation split.
        """
        homes: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for split in SPLITS:
            for name, digest in self.splits.get(split, {}).items():
                homes[digest].append((name, split))
        pairs = []
        for group in homes.values():
            first = group[0]
            other = next((one for one in group if one[1] != first[1] and one[0] != first[0]), None)
            if other is not None:
                pairs.append((f"{first[0]} ({first[1]})", f"{other[0]} ({other[1]})"))
        return pairs

    def trained_on(self, dataset: Dataset, records: Sequence[Record]) -> list[Record]:
        """The `records` whose pictures are in the training split, under any name."""
        trained = set(self.splits["train"].values())
        digests = dataset.picture_digests(records)
        return [record for record, digest in zip(records, digests, strict=True) if digest in trained]

    def _homes(self) -> dict[str, tuple[str, str]]:
        return {
            name: (split, digest)
            for split in reversed(SPLITS)  # an image of both validation and test counts for validation
            for name, digest in self.splits.get(split, {}).items()
        }


def use_recorded_splits(dataset: Dataset, run: Path, split: str) -> list[str]:
    """Gives `dataset` the splits that the run in this directory recorded, if it holds the run's images; returns notes.

    Where a folder has changed, the run's images that are still there are measured. Images of another data set keep
    their own splits, unless the run was trained on some of them.

    Raises: UsageError if the split to be measured holds images that the run was trained on, or no image.
    """
    # 1. what the run recorded
    recorded = Membership.read(run)
    if recorded is None:
        if dataset.draws_splits and (run / "config.json").is_file():
            return [
                f"{run} is from before runs recorded their splits ({FILE}): it may have been trained on some of "
                f"today's {split} images"
            ]
        return []
    if not recorded.splits.get(split):
        return _foreign(recorded, dataset, run, split)  # the run had no test split
    # 2. which of those images are there, under any name
    records = _every_record(dataset)
    names = {
        record.id: (record, digest) for record, digest in zip(records, dataset.picture_digests(records), strict=True)
    }
    by_digest = {digest: record for record, digest in names.values()}

    def still_there(name: str, digest: str) -> Record | None:
        of_name = names.get(name)
        return of_name[0] if of_name is not None and of_name[1] == digest else by_digest.get(digest)

    present_records = {
        part: [record for name, digest in members.items() if (record := still_there(name, digest)) is not None]
        for part, members in recorded.splits.items()
    }
    wanted, present = sum(map(len, recorded.splits.values())), sum(map(len, present_records.values()))
    if 2 * present < wanted:
        return _foreign(recorded, dataset, run, split)
    # 3. how they differ from the data set's own splits
    notes = []
    lost = len(recorded.splits[split]) - len(present_records[split])
    if not present_records[split]:
        raise UsageError(
            f"none of the {len(recorded.splits[split])} {split} images of {run} is left; put them back, or measure "
            "another split"
        )
    if lost:
        notes.append(f"{lost} of the {len(recorded.splits[split])} {split} images of {run} are no longer there")
    if relabeled := recorded.relabeled(_truths(dataset, present_records[split])):
        notes.append(f"{_are(len(relabeled))} labeled otherwise than when {run} was trained ({listed(relabeled)})")
    new = len(records) - present
    today = {part: {record.id for record in dataset.all_records(part)} for part in SPLITS}
    moved = any(not today[part].issuperset(one.id for one in members) for part, members in present_records.items())
    if moved or (new > 0 and dataset.options.limit is None):
        notes.append(
            f"measured are the {split} images that {run} recorded in {FILE}, not the split as it would be drawn today"
            + (f"; {_are(new)} in none of the run's splits" if new > 0 else "")
        )
    dataset.use_splits(present_records)
    return notes


def _foreign(recorded: Membership, dataset: Dataset, run: Path, split: str) -> list[str]:
    """For images of another data set: raises UsageError where the run was trained on some of them."""
    records = dataset.records(split)
    seen = recorded.trained_on(dataset, records) if split != "train" else []
    if seen:
        raise UsageError(
            f"{len(seen)} of the {len(records)} {split} images are images that {run} was trained on "
            f"({listed(record.id for record in seen)}); take them out to measure it on the others"
        )
    return []


def _truths(dataset: Dataset, records: Sequence[Record]) -> dict[str, str]:
    return dict(zip((record.id for record in records), dataset.truth_digests(records), strict=True))


def _every_record(dataset: Dataset) -> list[Record]:
    records = {record.id: record for record in dataset.every_record()}
    for split in SPLITS:
        records |= {record.id: record for record in dataset.all_records(split)}
    return list(records.values())


def _are(number: int) -> str:
    return f"{counted(number, 'image')} {'is' if number == 1 else 'are'}"
