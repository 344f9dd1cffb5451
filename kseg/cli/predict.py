"""`kseg predict`: masks for images."""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional

from kseg.ranges import COUNT, FED
from kseg.wording import counted

if TYPE_CHECKING:
    import numpy as np

    from kseg.errors import Failure
    from kseg.inference import ImageFile


@dataclass(frozen=True)
class Predict:
    """Segment images with a run or model: a palette PNG and an overlay for each, at the image's own size.

    An image that cannot be read is reported and left out; the exit code is 1 then, and all others are written.

    Example: kseg predict runs/RUN photos/ 'more/*.jpg' --out masks
    """

    model: Positional[Path]
    """a run directory or a .keras file"""
    images: Positional[tuple[str, ...]]
    """image files, folders, patterns"""
    out: Path = Path("predictions")
    """directory the masks are written to"""
    overlays: bool = True
    """write STEM_overlay.png beside the mask STEM.png"""
    probabilities: Literal["npy", "png"] | None = None
    """also write the probabilities: float32 NPY, or 16-bit grey PNG"""
    threshold: float = 0.5
    """binary models: foreground where the probability is at least this"""
    image_size: Annotated[tuple[int, int] | None, FED] = None
    """height and width the network is fed (unset: the size it was trained at)"""
    input_size: Literal["trained", "original"] | None = None
    """what the network is fed: trained, images resized as in training, or original, as they are (unset: as the run's
    own test)"""
    batch_size: Annotated[int, COUNT] = 16
    """images predicted at a time, fewer of large ones"""
    joint: bool = False
    """RUN_A RUN_B … IMAGES: runs of one category each, and the class of the largest probability in every pixel; without
    images: their own test images are measured (mIoU)"""

    def run(self) -> int:
        from functools import partial

        from tqdm import tqdm

        from kseg.datasets import images
        from kseg.errors import Failure, UsageError
        from kseg.inference import collect_images, load_model, predict_probabilities, write_prediction
        from kseg.inference.files import check_outputs, left_out
        from kseg.inference.predict import fed_in_words, fed_size

        # 1. everything that can be refused, before the first image is predicted
        if not 0 < self.threshold < 1:
            raise UsageError(f"--threshold is {self.threshold}; it is a probability between 0 and 1")
        if self.joint:
            from kseg.cli.joint import predict_jointly

            return predict_jointly(self)
        files = collect_images(self.images)
        for sentence in left_out(self.images):
            print(f"kseg: {sentence}", file=sys.stderr)
        model, card = load_model(self.model)
        size = fed_size(card, self.image_size, self.input_size)
        check_outputs(files, self.out, card, overlays=self.overlays, save_probabilities=self.probabilities)

        # 2. masks, of the images that can be read; black and white in them are what they were in training
        read_image = partial(images.read_image, value_range=card.value_range)
        failures: list[Failure] = []
        read: deque[tuple[ImageFile, tuple[int, int]]] = deque()
        readable = _readable(files, read_image, read, failures)
        predicted = predict_probabilities(model, readable, size, self.batch_size, original_size=False)
        for probabilities in tqdm(predicted, total=len(files), unit="image", disable=None):
            file, own_size = read.popleft()
            try:
                # Read once more, which is cheaper than holding a batch of large photographs in memory.
                image = read_image(file.path) if self.overlays else None
            except Failure as failure:
                failures.append(failure)
                continue
            write_prediction(
                self.out,
                file.stem,
                probabilities,
                card,
                size=own_size,
                image=image,
                threshold=self.threshold,
                save_probabilities=self.probabilities,
            )

        # 3. what became of them
        written = len(files) - len(failures)
        print(
            f"{counted(written, 'mask')} in {self.out} "
            f"({', '.join(f'{i} {name}' for i, name in enumerate(card.classes))}); fed {fed_in_words(model, size)}"
        )
        if failures:
            print(
                f"kseg: {len(failures)} of {len(files)} images cannot be read and have no mask:",
                file=sys.stderr,
            )
            print("\n".join(f"  {failure}" for failure in failures), file=sys.stderr)
        return 1 if failures else 0


def _readable(
    files: "Sequence[ImageFile]",
    read_image: "Callable[[Path], np.ndarray]",
    read: "deque[tuple[ImageFile, tuple[int, int]]]",
    failures: "list[Failure]",
) -> "Iterator[np.ndarray]":
    """The images that can be read; which ones, with their sizes, goes into `read`, and why not into `failures`."""
    from kseg.errors import Failure

    for file in files:
        try:
            image = read_image(file.path)
        except Failure as failure:
            failures.append(failure)
            continue
        read.append((file, image.shape[:2]))
        yield image
