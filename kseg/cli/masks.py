"""The masks that `kseg predict` writes, of one network or of several together."""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from kseg.cli.refining import Refining
from kseg.ranges import COUNT, FED
from kseg.wording import counted

if TYPE_CHECKING:
    from kseg.datasets.images import Picture
    from kseg.errors import Failure
    from kseg.inference import ImageFile, ModelCard
    from kseg.tasks import Outputs


@dataclass(frozen=True)
class PredictOptions:
    """The flags of `kseg predict`."""

    model: Positional[Path]
    """a run directory or a .keras file"""
    images: Positional[tuple[str, ...]]
    """image files, folders, patterns"""
    out: Path = Path("predictions")
    """directory the masks are written to"""
    overlays: bool = True
    """write STEM_overlay.png beside the mask STEM.png"""
    probabilities: Literal["npy", "png"] | None = None
    """also write the probabilities: float32 NPY, or 16-bit gray PNG"""
    threshold: float | None = None
    """binary models: foreground where the probability is at least this; of objects: those with at least this score
    (unset: 0.5, or the confidence that a panoptic model carries)"""
    image_size: Annotated[tuple[int, int] | None, FED] = None
    """height and width the network is fed (unset: the size it was trained at)"""
    input_size: Literal["trained", "original"] | None = None
    """what the network is fed: trained, images resized as in training, or original, as they are (unset: as the run's
    own test)"""
    batch_size: Annotated[int, COUNT] = 16
    """images predicted at a time, fewer of large ones"""
    refining: Annotated[Refining, arg(name="")] = field(default_factory=Refining)
    joint: bool = False
    """RUN_A RUN_B … IMAGES: runs of one category each, and the class of the largest probability in every pixel; without
    images: their own test images are measured (mIoU)"""


def named_files(images: "Sequence[str]") -> "list[ImageFile]":
    """The image files that the command line names; a note on stderr names the other files of its folders."""
    from kseg.inference import collect_images
    from kseg.inference.files import left_out

    files = collect_images(images)
    for sentence in left_out(images):
        print(f"kseg: {sentence}", file=sys.stderr)
    return files


def write_masks(
    options: PredictOptions,
    files: "Sequence[ImageFile]",
    card: "ModelCard",
    predict: "Callable[[Callable[[], Iterator[Picture]]], Iterator[Outputs]]",
    *,
    fed: str = "",
) -> int:
    """Write the masks of the files that can be read; the exit code is 1 where a file cannot be read.

    Args:
      predict: gives the probabilities of images, in order; may ask for the images several times, in lockstep.
      fed: a note behind the classes.
    """
    from tqdm import tqdm

    from kseg.datasets.images import read_by_rows, read_image
    from kseg.errors import Failure
    from kseg.inference import write_prediction
    from kseg.inference.files import check_outputs

    # 1. what can be refused, before the first image is predicted
    check_outputs(files, options.out, card, overlays=options.overlays, save_probabilities=options.probabilities)

    # 2. masks of the images that can be read, with black and white as in training
    reading = read_image if options.refining.tiles is None else read_by_rows
    read = Readable(files, partial(reading, value_range=card.value_range))
    for probabilities in tqdm(predict(read.images), total=len(files), unit="image", disable=None):
        file, own_size = read.waiting.popleft()
        try:
            # Read once more, which is cheaper than holding a batch of large photographs in memory.
            image = read.read(file.path) if options.overlays else None
        except Failure as failure:
            read.failures[file] = failure
            continue
        write_prediction(
            options.out,
            file.stem,
            probabilities,
            card,
            size=own_size,
            image=image,
            threshold=options.threshold,
            save_probabilities=options.probabilities,
        )

    # 3. summary
    written = counted(len(files) - len(read.failures), "mask")
    print(f"{written} in {options.out} ({', '.join(f'{i} {name}' for i, name in enumerate(card.classes))}){fed}")
    if read.failures:
        of = counted(len(files), "image")
        print(f"kseg: {len(read.failures)} of {of} cannot be read, so no mask is written:", file=sys.stderr)
        print("\n".join(f"  {failure}" for failure in read.failures.values()), file=sys.stderr)
    return 1 if read.failures else 0


class Readable:
    """The images that can be read, for several networks that each iterate over them."""

    def __init__(self, files: "Sequence[ImageFile]", read: "Callable[[Path], Picture]"):
        self.files, self.read = files, read
        self.failures: dict[ImageFile, Failure] = {}
        self.waiting: deque[tuple[ImageFile, tuple[int, int]]] = deque()
        """the file and size of every image that was given and has no mask yet"""
        self._given: set[ImageFile] = set()

    def images(self) -> "Iterator[Picture]":
        from kseg.errors import Failure

        for file in self.files:
            if file in self._given:
                yield self.read(file.path)
            elif file not in self.failures:
                try:
                    image = self.read(file.path)
                except Failure as failure:
                    self.failures[file] = failure
                    continue
                self._given.add(file)
                self.waiting.append((file, image.shape[:2]))
                yield image
