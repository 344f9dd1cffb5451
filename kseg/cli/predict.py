"""`kseg predict`: masks for images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional


@dataclass(frozen=True)
class Predict:
    """Segment images with a run or model: a palette PNG and an overlay for each, at the image's own size.

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
    image_size: tuple[int, int] | None = None
    """height and width the network is fed (unset: the size it was trained at)"""
    batch_size: int = 16
    """images predicted at a time"""
    joint: bool = False
    """RUN_A RUN_B … IMAGES: runs of one category each, and the class of the largest probability in every pixel; without
    images: their own test images are measured (mIoU)"""

    def run(self) -> int:
        from functools import partial

        from tqdm import tqdm

        from kseg.datasets import images
        from kseg.errors import UsageError
        from kseg.inference import collect_images, load_model, predict_probabilities, write_prediction

        if not 0 < self.threshold < 1:
            raise UsageError(f"--threshold is {self.threshold}; it is a probability between 0 and 1")
        if self.joint:
            from kseg.cli.joint import predict_jointly

            return predict_jointly(self)
        files = collect_images(self.images)
        model, card = load_model(self.model)
        # What was black and white in the images it was trained on is so here.
        read_image = partial(images.read_image, value_range=card.value_range)
        paths = [file.path for file in files]
        # Each image is read twice when overlays are asked for: it is cheaper than holding a folder in memory.
        predicted = predict_probabilities(
            model, map(read_image, paths), self.image_size or card.image_size, self.batch_size
        )
        for file, probabilities in zip(tqdm(files, unit="image", disable=None), predicted, strict=True):
            write_prediction(
                self.out,
                file.stem,
                probabilities,
                card,
                image=read_image(file.path) if self.overlays else None,
                threshold=self.threshold,
                save_probabilities=self.probabilities,
                inputs=paths,
            )
        print(f"{len(files)} masks in {self.out} ({', '.join(f'{i} {name}' for i, name in enumerate(card.classes))})")
        return 0
