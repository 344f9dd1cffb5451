"""The frozen-feature cache: the outputs of a network's frozen front for every image, computed once and kept on disk.

One folder per content: `CACHE/KEY/feature_0.npy … meta.json`, where KEY depends on the frozen weights, layers,
precision and images. A folder is written under another name and renamed when complete, so every folder is complete.
"""

import json
import os
import shutil
import time
import weakref
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple, Self

import keras
import ml_dtypes
import numpy as np

from kseg.datasets.locate import CACHE_VARIABLE
from kseg.errors import Failure, UsageError
from kseg.pipeline.feature_files import FeatureWriter, ahead, discard_abandoned
from kseg.pipeline.frozen import Split, bytes_per_image
from kseg.pipeline.image_source import ImageSource
from kseg.pipeline.order import Order
from kseg.pipeline.source import ArraySpec, Batch, Signature, Source, TargetMaker
from kseg.pipeline.stored_features import GB, META, hold, make_room, read_meta, stored_features
from kseg.pipeline.transforms import flip
from kseg.reading import DAMAGE
from kseg.wording import counted

AUTO_LIMIT = 32 * GB
"""The largest cache that `--cache-features auto` makes."""

SPARE = GB
"""Bytes of disk space that a cache leaves free."""


class FeatureSource(Source):
    """Stored features in place of images: `batch` gives the tensors that a head takes, and the targets.

    Features come from memory-mapped files in the precision they were computed in; targets come from the image source.

    Args:
      held: descriptor from `hold`, which marks the folder as in use; closed when this object and those that
        `with_targets` made of it are gone.
    """

    def __init__(self, path: Path, source: ImageSource, held: int, *, reused: bool, seconds: float):
        self.path, self.source, self._hold = path, source, _Hold(held)
        self.reused, self.seconds = reused, seconds
        """whether the folder existed; how long it took to compute"""
        meta = read_meta(path / META)
        self._specs = tuple(ArraySpec(tuple(t["shape"]), t["dtype"]) for t in meta["tensors"])
        self._tensors = [_mapped(path / f"feature_{i}.npy", spec.dtype) for i, spec in enumerate(self._specs)]

    def __len__(self) -> int:
        return len(self.source)

    @property
    def bytes(self) -> int:
        return sum(tensor.nbytes for tensor in self._tensors)

    @property
    def signature(self) -> Signature:
        inputs = self._specs[0] if len(self._specs) == 1 else self._specs
        return Signature(inputs, self.source.signature.targets)

    def batch(self, indices: np.ndarray, epoch: int) -> Batch:
        features = tuple(np.take(tensor, indices, axis=0) for tensor in self._tensors)
        return features[0] if len(features) == 1 else features, self.source.target_batch(indices)

    def with_targets(self, targets: TargetMaker) -> Self:
        other = copy(self)
        other.source = self.source.with_targets(targets)
        return other

    def __str__(self) -> str:
        origin = "found" if self.reused else f"computed in {self.seconds:.0f} s"
        return f"frozen features of {counted(len(self), 'image')}, {self.bytes / GB:.2f} GB, {origin}: {self.path}"


class _Hold:
    """A descriptor that is closed with the last reference to this object."""

    def __init__(self, descriptor: int):
        weakref.finalize(self, os.close, descriptor)


def _mapped(path: Path, dtype: str) -> np.ndarray:
    array = np.load(path, mmap_mode="r")
    return array.view(ml_dtypes.bfloat16) if dtype == "bfloat16" else array


def cache_bytes(extractor: keras.Model, images: int) -> int:
    """Bytes that the features of `images` images take; the extractor has a fixed input size."""
    return images * bytes_per_image(extractor.outputs)


def cache_key(extractor: keras.Model, source: ImageSource) -> str:
    """sha256 over layers, precision, frozen weight values and images; the layers' names do not count."""
    digest = sha256(_layers(extractor).encode())
    for weight in extractor.weights:
        values = keras.ops.convert_to_numpy(weight)
        digest.update(f"{weight.dtype}{values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    digest.update(source.fingerprint.encode())
    return digest.hexdigest()


def _layers(extractor: keras.Model) -> str:
    text = json.dumps(extractor.get_config(), sort_keys=True, default=str)
    for number, name in enumerate([extractor.name, *(operation.name for operation in extractor.operations)]):
        text = text.replace(json.dumps(name), f'"#{number}"')
    return text


def cached_features(
    extractor: keras.Model,
    source: ImageSource,
    cache_dir: Path | str,
    *,
    key: str | None = None,
    batch_size: int = 16,
    jit: bool = False,
    progress: bool = True,
) -> FeatureSource:
    """The features of every image of `source`, from `cache_dir` if they are there, else computed and stored there.

    Args:
      extractor: frozen front of a network, from `split_frozen`; its input size is fixed.
      key: the folder's name (default: `cache_key(extractor, source)`).
      batch_size, jit: of the computation; jit compiles it with XLA under TensorFlow, which is ten times slower on a
        CPU.
    Several processes may compute the same features at once: the first to finish keeps its files, the others discard
    theirs.
    Raises:
      UsageError: random transforms, which change the images in every epoch, or images of varying size.
      Failure: not enough disk space, or a broken image.
    """
    # 1. features that are in the cache
    if source.transforms:
        raise UsageError("features of augmented images cannot be cached; pass --cache-features off or no augmentation")
    if source.image_size is None or any(side is None for t in extractor.outputs for side in t.shape[1:]):
        raise UsageError("features can only be cached at a fixed image size; pass --image-size H W")
    cache_dir = Path(cache_dir)
    path = cache_dir / (key or cache_key(extractor, source)[:32])
    held = _held_if_whole(path, len(source))
    if held is not None:
        return FeatureSource(path, source, held, reused=True, seconds=0.0)
    # 2. otherwise compute them, if the disk has room
    started = time.perf_counter()
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        discard_abandoned(cache_dir)
        needed = cache_bytes(extractor, len(source))
        make_room(cache_dir, needed, SPARE)
        _check_disk(needed, cache_dir)
        specs = [{"shape": list(t.shape[1:]), "dtype": t.dtype} for t in extractor.outputs]
        with FeatureWriter(path, len(source), specs, dataset=source.dataset.name) as writer:
            for features in _computed(extractor, source, batch_size, jit, progress):
                writer.append(features)
    except OSError as error:
        raise Failure(f"cannot write the feature cache {cache_dir}: {error}; pass --cache-features off") from error
    # 3. read them, with a lock against removal
    held = hold(path)
    if held is None:
        raise Failure(f"the feature cache {path} was removed by another process; run the same command again")
    return FeatureSource(path, source, held, reused=False, seconds=time.perf_counter() - started)


def _held_if_whole(path: Path, count: int) -> int | None:
    """A lock on the cache at `path`, or None where there is no complete cache; a damaged folder is removed."""
    if not path.exists():
        return None
    held = hold(path)
    try:
        specs = read_meta(path / META)["tensors"]
        whole = all(
            _mapped(path / f"feature_{i}.npy", spec["dtype"]).shape == (count, *spec["shape"])
            for i, spec in enumerate(specs)
        )
    except PermissionError as error:
        if held is not None:
            os.close(held)
        raise Failure(
            f"cannot read the feature cache {path}: {error.strerror}; change its permissions, set {CACHE_VARIABLE} to "
            "a folder of your own, or pass --cache-features off"
        ) from None
    except DAMAGE:
        whole = False
    if held is not None and not whole:
        os.close(held)
        held = None
    if not whole:
        shutil.rmtree(path, ignore_errors=True)
    return held


def _check_disk(needed: int, cache_dir: Path) -> None:
    free = shutil.disk_usage(cache_dir).free
    if needed + SPARE > free:
        raise Failure(
            f"the feature cache needs {needed / GB:.1f} GB and {cache_dir} has {free / GB:.1f} GB free; "
            f"pass --cache-features off, or set {CACHE_VARIABLE} to a folder on a larger disk"
        )


def _computed(extractor: keras.Model, source: ImageSource, batch_size: int, jit: bool, progress: bool):
    """Lists of feature arrays, batch by batch in the order of the source; the next images are decoded in parallel."""
    from tqdm import tqdm

    compilation = jit if keras.backend.backend() == "tensorflow" else "auto"  # JAX without jit would run eagerly
    if not extractor.compiled or extractor.jit_compile != compilation != "auto":  # `compile` traces again
        extractor.compile(jit_compile=compilation)
    order = Order(len(source), batch_size, shuffle=False)

    def images(step: int) -> tuple[np.ndarray, int]:
        indices = order.at(step)[1]
        full = np.resize(indices, min(batch_size, len(source)))  # one shape, so the graph is traced once
        return source.image_batch(full, keep=False), len(indices)

    with tqdm(total=len(source), desc="frozen features", unit="image", disable=None if progress else True) as bar:
        for batch, count in ahead(images, range(order.steps_per_epoch)):
            features = extractor.predict_on_batch(batch)
            yield [np.asarray(f)[:count] for f in (features if isinstance(features, (list, tuple)) else [features])]
            bar.update(count)


class Verdict(NamedTuple):
    """Whether to cache, and the reason as a clause."""

    use: bool
    reason: str


@dataclass(frozen=True)
class CachePlan:
    """Decides by `--cache-features` whether to cache."""

    mode: Literal["auto", "on", "off"]
    cache_dir: Path
    limit: int = AUTO_LIMIT

    def verdict(self, split: Split | None, sources: Sequence[ImageSource]) -> Verdict:
        """Whether the features of all images of `sources` are to be cached.

        "auto" caches if the network has a frozen front, flips are the only augmentation, all images have one size, and
        the features fit below `limit` and on the disk. "on" caches, or raises UsageError with the obstacle.
        """
        if self.mode == "off":
            return Verdict(False, "--cache-features off")
        obstacle = self._obstacle(split, sources)
        if obstacle is None:
            return Verdict(True, "the front of the network is frozen and its input never changes")
        if self.mode == "on":
            raise UsageError(f"features cannot be cached: {obstacle}; pass --cache-features off")
        return Verdict(False, obstacle)

    def _obstacle(self, split: Split | None, sources: Sequence[ImageSource]) -> str | None:
        if split is None:
            return "the network has no frozen front"
        if any(source.transforms not in ((), (flip,)) for source in sources):
            return "augmentation does more than mirror the images"
        if any(source.image_size is None for source in sources):
            return "the images have no fixed size"
        needed = cache_bytes(split.extractor, sum(len(source) * (2 if source.transforms else 1) for source in sources))
        old = sum(stored.bytes for stored in stored_features(self.cache_dir))  # reused, or removed to make room
        free = shutil.disk_usage(_nearest_existing(self.cache_dir)).free + old
        if needed + SPARE > free:
            return f"they need {needed / GB:.1f} GB and {self.cache_dir} has {free / GB:.1f} GB free"
        if self.mode == "auto" and needed > self.limit:
            return f"they need {needed / GB:.1f} GB, more than {self.limit / GB:.0f} GB; pass --cache-features on"
        return None


def _nearest_existing(path: Path) -> Path:
    path = Path(path).absolute()
    return path if path.exists() else _nearest_existing(path.parent)
