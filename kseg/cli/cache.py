"""`kseg data cache`: the frozen features that runs have stored, and their removal."""

from collections.abc import Callable
from dataclasses import dataclass

from kseg.wording import counted


@dataclass(frozen=True)
class Cache:
    """List the frozen features that runs have stored, the least recently used first, or remove some.

    They lie in $KSEG_CACHE/features (default ~/.cache/kseg/features) and take at most $KSEG_CACHE_LIMIT gigabytes (64)
    together: a run that needs room removes the least recently used ones, never one that is in use.

    Example: kseg data cache --remove all
    """

    remove: tuple[str, ...] = ()
    """keys of the caches to remove, or all"""

    def run(self, write: Callable[[str], None] = print) -> int:
        from kseg.datasets.locate import cache_dir
        from kseg.errors import Failure, unknown_name
        from kseg.pipeline import stored_features as caches

        folder = cache_dir() / "features"
        features = {stored.path.name: stored for stored in caches.stored_features(folder)}
        if not self.remove:
            total = sum(stored.bytes for stored in features.values()) / caches.GB
            write(
                f"{counted(len(features), 'feature cache')}, {total:.2f} of at most {caches.limit() / caches.GB:g} GB, "
                f"in {folder}"
            )
            for stored in features.values():
                write(f"{stored}{'  in use' if caches.in_use(stored) else ''}")
            return 0
        chosen = list(features) if self.remove == ("all",) else list(self.remove)
        for key in chosen:
            if key not in features:
                raise unknown_name("feature cache", key, ["all", *features])
        used = [key for key in chosen if not caches.remove(features[key])]
        write(f"removed {counted(len(chosen) - len(used), 'feature cache')} from {folder}")
        if used:
            raise Failure(f"a run is using {', '.join(used)} in {folder}; remove it when the run has ended")
        return 0
