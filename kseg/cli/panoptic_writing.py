"""The files of `kseg panoptic fuse`: segments, pictures, the evaluation and its tables."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from kseg.atomic import replacing, write_json
from kseg.cli.panoptic_source import Source
from kseg.cli.worst_pictures import side_by_side
from kseg.datasets import Record
from kseg.structures import FusionOptions, Panoptic
from kseg.tasks import Circumstances
from kseg.tasks.panoptic.evaluation import PanopticEvaluation

SEGMENTS, OVERLAYS = "segments", "overlays"
"""Folders; the JSON of the first lies beside it, as COCO's does."""


def write_segments(
    out: Path,
    source: Source,
    split: str,
    records: Sequence[Record],
    answers: Iterable[Panoptic],
    options: FusionOptions,
    *,
    overlays: bool,
) -> tuple[PanopticEvaluation, list[str]]:
    """Write the answers to the records and their evaluation; returns the evaluation and the names of the files."""
    from tqdm import tqdm

    from kseg.datasets.images import save_image
    from kseg.datasets.images.draw_objects import overlay_panoptic
    from kseg.tasks.panoptic.evaluator import PanopticEvaluator
    from kseg.tasks.panoptic.mistakes import show_mistakes
    from kseg.tasks.panoptic.writing import annotation, categories, save_ids, segment_ids

    dataset = source.dataset
    classes, palette, background = dataset.classes, dataset.palette, dataset.has_background
    evaluator = PanopticEvaluator(classes, decode=lambda answer, size: answer)
    annotations, started = [], time.perf_counter()

    # 1. every image
    for record, answer in zip(tqdm(records, unit="img", disable=None), answers, strict=True):
        truth, name = source.truth(record), f"{Path(record.id).name}.png"
        evaluator.count(truth, answer)
        ids = segment_ids(answer, palette)
        with replacing(out / SEGMENTS / name) as temporary:
            save_ids(temporary, answer, ids)
        annotations.append(annotation(record.id, name, answer, ids))
        if overlays:
            image = dataset.image(record)
            drawn = [overlay_panoptic(image, one, palette, background=background) for one in (truth, answer)]
            save_image(out / OVERLAYS / name, side_by_side([image, *drawn, show_mistakes(image, truth, answer)]))

    # 2. the JSON of the segments, and their evaluation
    things = {class_id: class_id in source.things for class_id in range(len(classes))}
    content = {"annotations": annotations, "categories": categories(classes, palette, things)}
    write_json(out / f"{SEGMENTS}.json", content)
    evaluation = evaluator.result(
        Circumstances(
            dataset=dataset.name,
            split=split,
            ids=tuple(record.id for record in records),
            original_size=True,
            input_size=None,
            seconds=time.perf_counter() - started,
        )
    )
    made_of = {"models": [str(path) for path, _, _ in source.networks], "fusion": asdict(options)}
    write_json(out / "evaluation.json", evaluation.to_json() | made_of)
    written = [f"{SEGMENTS}/", f"{SEGMENTS}.json", *([f"{OVERLAYS}/"] if overlays else []), "evaluation.json"]
    return evaluation, [*written, *evaluation.write_tables(out)]
