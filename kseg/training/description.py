"""What is about to happen in a run, for the person who started it."""

from kseg.training.config import TrainConfig
from kseg.training.network import count_trainable
from kseg.wording import counted


def describe(config, dataset, weights, splits, network, inputs, workdir, missing, report) -> str:
    """What is about to happen, in a few lines: `missing` are sentences about classes that no mask
    shows, `report` says what became of the weights that the network starts from."""
    options = config.training
    counts = ", ".join(f"{len(records)} {split}" for split, records in splits.items())
    lines = [
        f"{config.model.model} · {config.loss.loss} · {dataset.name} ({', '.join(dataset.classes)}) → {workdir.path}",
        f"  images    {counts}, {describe_size(config)}",
        *(f"  reading   {sentence}" for sentence in dataset.reading),
        *(f"  missing   {sentence}" for sentence in missing),
        f"  weights   {count_trainable(network):,} of {network.count_params():,} trained",
        f"  training  {options.optimizer} {options.learning_rate:g} {options.schedule}, batch {options.batch_size}"
        f"{' (all training images)' if len(splits['train']) < options.batch_size else ''}, "
        f"at most {counted(options.epochs, 'epoch')} of {counted(inputs.steps_per_epoch, 'step')}, {options.precision}",
    ]
    if inputs.positives is not None:
        lines.append(
            f"  batches   each with at least {inputs.positives.per_batch} of the {len(inputs.positives.indices)} "
            f"training images that show {dataset.classes[1]}"
        )
    if weights is not None:
        shown = ", ".join(f"{name} {weight:.3g}" for name, weight in zip(dataset.classes, weights, strict=True))
        lines.append(f"  classes   weighed by {config.loss.class_weights}: {shown}")
    if inputs.note:
        lines.append(f"  features  {inputs.note}")
    if report is not None:
        lines.append(f"  start     {report}")
    return "\n".join(lines)


def describe_size(config: TrainConfig) -> str:
    """What the network is fed: images of one size, or crops of them in training."""
    image, seen = config.model.image_size, config.training_size
    assert image is not None  # resolved
    if seen == image:
        return f"trained at {image[0]}×{image[1]}"
    larger = any(have < want for have, want in zip(image, seen, strict=True))
    margin = " with void around them" if larger else ""
    return (
        f"resized to {image[0]}×{image[1]}, trained in random crops of {seen[0]}×{seen[1]}{margin}, validated as wholes"
    )
