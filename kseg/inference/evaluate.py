"""Measuring a model on a split of a data set, one batch of probabilities in memory at a time."""

import time
from collections.abc import Callable, Iterator, Sequence

import keras
from tqdm import tqdm

from kseg.conventions import DEFAULT_TASK, VOID
from kseg.datasets import Dataset
from kseg.datasets.category import plain_name
from kseg.errors import UsageError
from kseg.inference.augmented import Augmented
from kseg.inference.predict import ORIGINAL, ImageSize, Predictor, network_size
from kseg.postprocess import Refiner, Tiling
from kseg.structures import Structure
from kseg.tasks import TASKS, Circumstances, Evaluation, Outputs, Task


def evaluate(
    model: keras.Model,
    dataset: Dataset,
    split: str,
    *,
    image_size: ImageSize,
    batch_size: int = 16,
    original_size: bool = True,
    order: Sequence[int] | None = None,
    void: int = VOID,
    progress: bool = True,
    task: Task | None = None,
    refine: Refiner | None = None,
    tiling: Tiling | None = None,
    augmented: Augmented | None = None,
) -> Evaluation:
    """Count what `model` gets right on every image of a split.

    Args:
      model: images 0..255 to the outputs of its task; for the semantic task probabilities (N, H, W, C), C = 1 for two
        classes, else one channel per class.
      dataset, split: where images and truth come from.
      order: the model's id of each class of the data set (`class_order`); None: the ids are the same.
      image_size: (height, width) of the network's input; None or "original": each image's own (see `Predictor`).
      original_size: compare at each label map's own size, with the probabilities resized to it; False: at the
        network's size, with the label map resized by nearest neighbor.
      void: the label that counts for nothing.
      progress: show a bar with the time left.
      task: what the model answers; None: the default task.
      refine: applied to the probabilities of each image before they are counted, at the size of the comparison.
      tiling, augmented: how images are shown to the model, see `Predictor`; tiles are cut from images as they are.
    Foreground is p ≥ 0.5 (binary), else the class of the largest probability.
    """
    task = task or TASKS[DEFAULT_TASK]
    dataset = dataset.for_task(task.name)
    check_fits(model, dataset, task)
    records = dataset.records(split)
    if tiling is not None:
        if not original_size:
            raise UsageError(
                "tiles show images at their own size, so nothing is compared at the network's size; leave "
                "--no-original-size out"
            )
        image_size, fed = ORIGINAL, None
    else:
        fed = network_size(model, image_size)  # refuses a wrong size before the first image is read
    images = (dataset.image(record) for record in records)
    # Without refinement the probabilities of a large photograph are never held at its size, see `measure`.
    refiners = () if refine is None else (refine,)
    predictor = Predictor(model, image_size, batch_size, refiners, task, tiling, augmented or Augmented())
    predictions = predictor.outputs(images, original_size=original_size and refine is not None)
    if order is not None:
        predictions = (task.reordered(outputs, order) for outputs in predictions)
    return measure(
        predictions, dataset, split, input_size=ORIGINAL if image_size == ORIGINAL else fed,
        original_size=original_size, void=void, progress=progress, task=task,
    )  # fmt: skip


def measure(
    predictions: Iterator[Outputs],
    dataset: Dataset,
    split: str,
    *,
    input_size: ImageSize = None,
    original_size: bool = True,
    void: int = VOID,
    progress: bool = True,
    seen: Callable[[Structure], None] | None = None,
    task: Task | None = None,
) -> Evaluation:
    """Count what is right in outputs from any source, one for each record of the split.

    Args:
      predictions: the outputs for each image, in the order of the records and of any size, as the task decodes them;
        for the semantic task probabilities (H, W, C).
      input_size: what to record about what the network was fed.
      original_size: compare at the size of the truth, with predictions resized to it; False: at the size of the
        predictions, with the truth resized to it.
      seen: called with each decoded answer.
      task: what the outputs answer; None: the default task.
    """
    task = task or TASKS[DEFAULT_TASK]
    dataset = dataset.for_task(task.name)
    records = dataset.records(split)
    evaluator = task.evaluator(dataset.classes, background=dataset.has_background, void=void)
    start = time.perf_counter()
    for i, outputs in enumerate(_with_bar(predictions, len(records), split, progress)):
        truth = dataset.truth(records[i], task.name)
        if not original_size:
            truth = truth.resized(task.decode(outputs).size)
        prediction = evaluator.add(truth, outputs)
        if seen is not None:
            seen(prediction)
    return evaluator.result(
        Circumstances(
            dataset=dataset.name,
            split=split,
            ids=tuple(record.id for record in records),
            original_size=original_size,
            input_size=input_size,
            seconds=time.perf_counter() - start,
        )
    )


def measured_split(dataset: Dataset) -> str:
    """The split that the end of a run measures: test, or validation where there is no test split."""
    return "test" if dataset.split_records("test") else "validation"


def another_split(measured: str) -> str:
    """A split that `kseg evaluate` has not measured yet: validation, or train where validation was measured."""
    return "train" if measured == "validation" else "validation"


def class_order(model: Sequence[str], dataset: Sequence[str], *, further: bool = False) -> tuple[int, ...]:
    """The id in `model` of each class of `dataset`, by name; capitals, spaces, hyphens and the like do not matter.

    `further`: the model may have classes that the data set lacks. Raises `UsageError` where the two name different
    classes otherwise.

        >>> class_order(("background", "hair", "face"), ("background", "Face", "Hair"))
        (0, 2, 1)
    """
    of_model, of_data = ([plain_name(name) for name in names] for names in (model, dataset))
    if len({*of_model}) < len(of_model) or len({*of_data}) < len(of_data):  # `b/c` and `b c` differ exactly alone
        of_model, of_data = list(model), list(dataset)
    if not ({*of_data} <= {*of_model} if further else sorted(of_model) == sorted(of_data)):
        raise UsageError(f"the model's classes are {', '.join(model)} and the data's are {', '.join(dataset)}")
    return tuple(of_model.index(name) for name in of_data)


def check_fits(model: keras.Model, dataset: Dataset, task: Task) -> None:
    """An error unless the model has the outputs that the task needs for the data set's classes."""
    misfit = task.misfit(model, dataset.classes)
    if misfit:
        raise UsageError(
            f"the model does not fit {dataset.name}: {misfit}; choose the data set and options it was trained with"
        )


def _with_bar(items: Iterator[Outputs], total: int, split: str, progress: bool) -> Iterator[Outputs]:
    return iter(tqdm(items, total=total, desc=f"evaluate {split}", unit="img", disable=None if progress else True))
