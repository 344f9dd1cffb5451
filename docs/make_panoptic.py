"""The picture of docs/panoptic.md: three answers that mIoU or AP find perfect, and their PQ.

python docs/make_panoptic.py docs
"""

import io
import sys
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

from kseg.datasets import data_options, open_dataset
from kseg.datasets.images.draw_objects import overlay_panoptic
from kseg.metrics import InstanceScores, PanopticTable, confusion_matrix, miou, panoptic_match, segments_of
from kseg.structures import Instances, Panoptic, Segment
from kseg.tasks.panoptic.mistakes import show_mistakes

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (after the choice of how to draw)

SCENE = "train_00046"
"""Three people on a floor, under the sky."""

WALL, FLOOR, SKY, PERSON = range(4)


def stamps(truth: Panoptic) -> list[np.ndarray]:
    """Three small disks on the surroundings, where nobody is."""
    side = truth.size[0]
    y, x = np.mgrid[:side, :side]
    free = truth.semantic().ids < PERSON
    disks = [(y - row * side) ** 2 + (x - column * side) ** 2 < (0.07 * side) ** 2
             for row, column in ((0.12, 0.12), (0.1, 0.88), (0.9, 0.93))]  # fmt: skip
    return [disk & free for disk in disks]


def people_together(truth: Panoptic) -> Panoptic:
    """Each class as it is, all people as one segment."""
    return Panoptic.joined(truth.semantic(), Instances.of(np.array([truth.semantic().ids == PERSON]), [PERSON]))


def with_weak_detections(truth: Panoptic) -> tuple[Panoptic, Instances]:
    """Everything as it is, and three disks called people, less sure than the people; and the objects with scores."""
    people, disks = truth.instances(), stamps(truth)
    masks = np.stack([*people.masks.array(), *disks])
    scores = [0.9] * len(people) + [0.1] * len(disks)
    ids, number = truth.ids.copy(), len(truth.segments)
    for place, disk in enumerate(disks, start=1):
        ids[disk] = number + place
    kinds = (*truth.segments, *[Segment(PERSON, thing=True)] * len(disks))
    return Panoptic(ids, kinds), Instances.of(masks, [PERSON] * len(masks), scores=scores)


def without_surroundings(truth: Panoptic) -> Panoptic:
    """The people as they are; wall, floor and sky all called wall."""
    semantic = truth.semantic()
    table = np.arange(256, dtype=np.uint8)
    table[[FLOOR, SKY]] = WALL
    return Panoptic.joined(semantic.relabeled(table, background=False), truth.instances())


def figures(truth: Panoptic, answer: Panoptic, objects: Instances) -> str:
    matrix = confusion_matrix(truth.semantic().ids, answer.semantic().ids, 4)
    precision = InstanceScores(4)
    precision.add(truth.instances(), objects)
    match = panoptic_match(truth.ids, answer.ids, segments_of(truth), segments_of(answer))
    pq = PanopticTable.of([match], np.arange(4) == PERSON).groups["All"].pq
    return f"mIoU {float(miou(matrix)):.2f}   AP {precision.summary()['AP']:.2f}   PQ {pq:.2f}"


def main(folder: Path) -> None:
    # 1. the scene
    dataset = open_dataset(data_options("synthetic", people=3, synthetic_size=128), "panoptic")
    record = next(record for record in dataset.records("train") if record.id == SCENE)
    image, truth = dataset.image(record), dataset.truth(record)
    assert isinstance(truth, Panoptic) and len(truth.segments) == 6, "choose another scene"
    # 2. three answers, each with a mistake of its own
    together, alone = people_together(truth), without_surroundings(truth)
    weak, detections = with_weak_detections(truth)
    sure = Instances.of(together.instances().masks, [PERSON], scores=[0.9])
    people = Instances.of(truth.instances().masks, truth.instances().classes, scores=[0.9] * len(truth.instances()))
    rows = [
        ("people in one segment", together, sure),
        ("three made up, unsure", weak, detections),
        ("floor and sky called wall", alone, people),
    ]
    # 3. the answers over their mistakes
    figure, axes = plt.subplots(2, 4, figsize=(11, 6))
    axes[0, 0].imshow(image)
    axes[0, 0].set_title("image", fontsize=9)
    axes[1, 0].imshow(overlay_panoptic(image, truth, dataset.palette, background=False))
    axes[1, 0].set_title("truth", fontsize=9)
    for column, (title, answer, objects) in enumerate(rows, start=1):
        axes[0, column].imshow(overlay_panoptic(image, answer, dataset.palette, background=False))
        axes[0, column].set_title(f"{title}\n{figures(truth, answer, objects)}", fontsize=9)
        axes[1, column].imshow(show_mistakes(image, truth, answer))
    for one in axes.flat:
        one.set_axis_off()
    colors = (
        "below: found segments outlined in green, missed ones blue, made-up ones red, those of another class yellow"
    )
    figure.supxlabel(colors, fontsize=9)
    figure.tight_layout(h_pad=2.5)
    # 4. the file, with few colors
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    Image.open(drawn).convert("RGB").quantize(192).save(folder / "panoptic-measures.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
