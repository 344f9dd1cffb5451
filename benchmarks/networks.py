"""Every network beside the same one in PyTorch at its best: training and inference, float32 and bfloat16.

    python benchmarks/networks.py --page results/benchmarks/README.md      # all; what networks.json has is left out
    python benchmarks/networks.py --rows segnet unet:resnet50_torch@smp --rounds 3

A row is MODEL or MODEL:ENCODER beside the same layers in PyTorch (`torch_models.py`, `torch_decoders.py`), which must
have as many weights, or with @smp or @torchvision beside that library's network, whose weights may be others: ResNet of
keras.applications has biases in front of its normalization, and smp has decoders of its own.

Each variant runs in a process of its own, all in turn, for some rounds: kseg in float32 and bfloat16; PyTorch in both
(autocast) with channels last, as it is and through torch.compile, where a compiler is there. Random weights, one
output, the same images; a training step is forward, backward and plain SGD with the IoU loss, the layers frozen that
kseg freezes; inference leads from uint8 images to probabilities. A round's ratio is kseg's images per second by those
of the faster of PyTorch's two ways. Memory is the most that a process held; PyTorch's is that without the compiler.
"""

import json
import os
import platform
import shutil
import statistics
import sys
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tyro
from models import SIZES, json_of, kseg_variant, peak_gb, seconds_of, torch_functions

from kseg.allocator import keep_freed_memory
from kseg.atomic import write_text

OUT = Path("results/benchmarks/networks.json")

TORCHVISION = {"head": "torchvision", "output_stride": 8, "multi_grid": "off"}

ROWS: dict[str, dict[str, Any]] = {
    "fcn32s:vgg16": {}, "fcn16s:vgg16": {}, "fcn8s:vgg16": {}, "fcn8s:resnet50": {}, "fcn8s:mobilenetv2": {},
    "bfcn32s": {}, "fcresnet": {}, "fcmobilenet": {}, "fcn32s_alexnet": {},
    "unet": {}, "unet2015": {}, "unet_mobilenetv2": {}, "segnet": {}, "segnet_basic": {},
    "linknet:resnet50": {}, "fpn:resnet50": {}, "pspnet:resnet50": {"auxiliary": 0.0},
    "deeplabv3:resnet50": {}, "deeplabv3plus:resnet50": {}, "deeplab_largefov": {}, "deeplab_resnet101:resnet101": {},
    "unet:resnet50_torch@smp": {}, "linknet:resnet50_torch@smp": {}, "fpn:resnet50_torch@smp": {},
    "deeplabv3plus:resnet50_torch@smp": {}, "deeplabv3:resnet50_torch@torchvision": TORCHVISION,
    "fcn_dilated:resnet50_torch@torchvision": {"auxiliary": 0.0},
}  # fmt: skip
"""Row → options of kseg's network."""

PRECISIONS = ("float32", "bfloat16")
WAYS = ("training", "inference")
MARKS = ("<!-- table: networks.json -->", "<!-- end of the table -->")


@dataclass(frozen=True)
class Settings:
    """Settings of the benchmark."""

    rows: tuple[str, ...] = ()
    """MODEL, MODEL:ENCODER, with @smp or @torchvision (unset: all)"""
    rounds: int = 2
    """times every variant runs, in turn with the others"""
    batch: int = 4
    """images at a time"""
    size: int = SIZES[0]
    """rows and columns of an image"""
    seconds: float = 2.0
    """time at least so long, and two steps, after one that is not counted"""
    compiled: bool = True
    """torch.compile beside PyTorch as it is"""
    again: bool = False
    """measure rows that the file has, too"""
    out: Path = OUT
    """JSON file, row by row; rows that it has are left out"""
    page: Path | None = None
    """page that gets the table between its marks"""
    worker: str = ""
    """run just this, ROW VARIANT, in this process"""


def torch_network(row: str):
    import torch_models
    from torch_decoders import DECODERS

    name, _, library = row.partition("@")
    if library:
        from torch_libraries import LIBRARIES

        network = LIBRARIES[row]()
        torch_models.freeze_normalization(network.encoder)
        return network
    if name in DECODERS:
        network = DECODERS[name]()
        if hasattr(network, "encoder"):
            torch_models.freeze_normalization(network.encoder)
        return network
    model, _, encoder = name.partition(":")
    return torch_models.build(model, encoder or None)


def torch_at_its_best(row: str, precision: str, *, compiled: bool):
    import torch

    network = torch_network(row).to(memory_format=torch.channels_last)
    run = torch.compile(network) if compiled else network

    def call(images):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            return run(images.to(memory_format=torch.channels_last)).float()

    return torch_functions(network, call)


def work(settings: Settings) -> None:
    """Print the figures of one variant of one row as a JSON line."""
    row, variant = settings.worker.split()
    whose, _, precision = variant.partition("-")
    if whose == "kseg":  # as the kseg command does
        keep_freed_memory()
        model, _, encoder = row.partition("@")[0].partition(":")
        weights, training, inference = kseg_variant(model, encoder, precision, **ROWS[row])
    else:
        weights, training, inference = torch_at_its_best(row, precision, compiled=whose == "compiled")
    batch, size = settings.batch, settings.size
    result: dict[str, float] = {"weights": weights}
    result["inference"] = batch / seconds_of(inference(batch, size), settings.seconds)
    result["training"] = batch / seconds_of(training(batch, size), settings.seconds)
    result["peak_gb"] = peak_gb()
    print(json.dumps(result))


def measured(row: str, settings: Settings) -> dict[str, Any]:
    """Every variant in turn, and the ratios round by round."""
    ways = ["kseg", "torch", *(["compiled"] if settings.compiled and shutil.which("gcc") else [])]
    variants = [f"{whose}-{precision}" for precision in PRECISIONS for whose in ways]
    rounds: list[dict[str, dict]] = []
    for _ in range(settings.rounds):
        flags = [f"--{key}={getattr(settings, key)}" for key in ("batch", "size", "seconds")]
        rounds.append({
            variant: json_of([sys.executable, __file__, f"--worker={row} {variant}", *flags], f"{row} {variant}")
            for variant in variants
        })  # fmt: skip
    weights = {whose: rounds[0][f"{whose}-float32"]["weights"] for whose in ("kseg", "torch")}
    if weights["kseg"] != weights["torch"] and "@" not in row:
        sys.exit(f"{row} is not the same network in PyTorch, by the numbers of weights: {weights}")
    return {
        "weights": weights,
        "batch": settings.batch,
        "size": settings.size,
        "ratio": {precision: {way: ratio(rounds, precision, way) for way in WAYS} for precision in PRECISIONS},
        "rounds": [
            {variant: {key: round(value, 4) for key, value in figures.items() if key != "weights"}
             for variant, figures in one.items()} for one in rounds
        ],
    }  # fmt: skip


def ratio(rounds: list[dict[str, dict]], precision: str, way: str) -> dict[str, float]:
    """kseg's images per second divided by the better of PyTorch's."""
    ratios = []
    for one in rounds:
        of_torch = [one[variant][way] for variant in one if variant in (f"torch-{precision}", f"compiled-{precision}")]
        ratios.append(one[f"kseg-{precision}"][way] / max(of_torch))
    return {
        "median": round(statistics.median(ratios), 3),
        "low": round(min(ratios), 3),
        "high": round(max(ratios), 3),
    }


def table(rows: dict[str, Any]) -> str:
    """Markdown of all rows, in the order of `ROWS`."""

    # 1. the cells of a row
    def cell(row: dict, precision: str, way: str) -> str:
        def speed(whose: str) -> float:
            speeds = [one[f"{whose}-{precision}"][way] for one in row["rounds"] if f"{whose}-{precision}" in one]
            return statistics.median(speeds) if speeds else 0.0

        best = max(speed("torch"), speed("compiled"))
        spread = row["ratio"][precision][way]
        return f"{speed('kseg'):.3g} / {best:.3g} = {spread['median']:.2f} ({spread['low']:.2f} … {spread['high']:.2f})"

    def memory(row: dict, whose: str) -> str:
        return " / ".join(f"{max(one[f'{whose}-{p}']['peak_gb'] for one in row['rounds']):.1f}" for p in PRECISIONS)

    # 2. the table
    titles = [f"{way}, {precision}" for precision in PRECISIONS for way in WAYS]
    lines = ["| network | weights, kseg / PyTorch | " + " | ".join(titles) + " | GB, kseg | GB, PyTorch |"]
    lines.append("|---" * (len(titles) + 4) + "|")
    for name in (name for name in ROWS if name in rows):
        row = rows[name]
        weights = " / ".join(dict.fromkeys(f"{row['weights'][whose]:,}" for whose in ("kseg", "torch")))
        cells = [cell(row, precision, way) for precision in PRECISIONS for way in WAYS]
        lines.append(
            "| " + " | ".join([f"`{name}`", weights, *cells, memory(row, "kseg"), memory(row, "torch")]) + " |"
        )
    return "\n".join(lines)


def put_on(page: Path, rows: dict[str, Any]) -> None:
    text = page.read_text()
    before, begin, rest = text.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not end:
        sys.exit(f"{page} has no place for the table: it lacks the marks {MARKS[0]} and {MARKS[1]}")
    write_text(page, f"{before}{begin}\n\n{table(rows)}\n\n{end}{after}")


def main(settings: Settings) -> None:
    if settings.worker:
        work(settings)
        return
    if unknown := [row for row in settings.rows if row not in ROWS]:
        sys.exit(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    if not find_spec("torch"):
        sys.exit("PyTorch is missing: pip install torch, and for the rows with @ kseg's extra `benchmarks`")
    content = json.loads(settings.out.read_text()) if settings.out.exists() else {}
    rows = content.setdefault("rows", {})
    for name in settings.rows or ROWS:
        if name in rows and not settings.again:
            continue
        rows[name] = measured(name, settings)
        content |= {"cores": os.cpu_count(), "python": platform.python_version()}
        content |= {package: version(package) for package in ("keras", "tensorflow", "torch")}
        settings.out.parent.mkdir(parents=True, exist_ok=True)
        write_text(settings.out, json.dumps(content, indent=1) + "\n")
        print(f"{name:<40} {json.dumps(rows[name]['ratio'])}", flush=True)
    print(table(rows))
    if settings.page:
        put_on(settings.page, rows)


if __name__ == "__main__":
    main(tyro.cli(Settings))
