"""AP of a converted Mask R-CNN beside torchvision's own, on photographs that torchvision's network was trained on.

    python benchmarks/torchvision_ap.py --data-dir COCO --out results/benchmarks/torchvision_ap.json

The weights that torchvision offers have to be downloaded, and random ones find nothing, so the heads of torchvision's
`maskrcnn_resnet50_fpn` first learn a few images by heart, behind a random encoder and pyramid. Its state dict goes
through `kseg weights convert`, and the outcome is measured as `kseg evaluate` does; the same AP is counted over
torchvision's own detections, masks pasted by torchvision. Further images of the split are measured too, so that false
detections count.
Images and truth are brought to `--size` before either network sees them.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro


@dataclass(frozen=True)
class Settings:
    """Settings of the comparison."""

    data_dir: Path
    """COCO's images and annotations, as `--dataset coco` takes them"""
    images: int = 4
    """images that are learned by heart: those of the training split with the most pixels of objects"""
    further: int = 6
    """images that are measured beside them"""
    size: int = 256
    """side of the images"""
    steps: int = 240
    """training steps, each of one image"""
    learning_rate: float = 3e-4
    """largest rate of AdamW, in one cycle"""
    out: Path | None = None
    """JSON file to put the results into"""
    folder: str = ""
    """of the process that trains and predicts in PyTorch: where it writes"""


def scenes(settings: Settings):
    """The data set, shortened to the measured images, and each of them with its truth, resized."""
    from kseg.datasets import data_options, open_dataset
    from kseg.datasets.images import resize_image

    dataset = open_dataset(data_options("coco", data_dir=settings.data_dir)).for_task("instance")
    side = (settings.size, settings.size)
    records = list(dataset.records("train"))
    truths = {record.id: dataset.truth(record, "instance").resized(side) for record in records}
    covered = {name: int((truth.semantic().ids > 0).sum()) for name, truth in truths.items()}
    records.sort(key=lambda record: -covered[record.id])
    records = records[: settings.images + settings.further]
    pictures = [(resize_image(dataset.image(record), side), truths[record.id]) for record in records]
    return dataset, records, pictures


def in_pytorch(settings: Settings) -> None:
    """Train torchvision's network, write its weights and the AP of its own detections."""
    import torch
    from torchvision.models import detection

    from kseg.metrics.instances import InstanceScores
    from kseg.structures import Instances

    # 1. the network, with fewer boxes an image than the paper's, for two cores
    dataset, _, pictures = scenes(settings)
    torch.manual_seed(0)
    side = settings.size
    network = detection.maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=len(dataset.classes), min_size=side, max_size=side,
        box_batch_size_per_image=32, rpn_post_nms_top_n_train=200,
    )  # fmt: skip
    images = [torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32) / 255) for image, _ in pictures]
    targets = []
    for _, truth in pictures[: settings.images]:
        objects = truth.chosen(~truth.crowd & (truth.boxes[:, :2] + 1 <= truth.boxes[:, 2:]).all(axis=1))
        targets.append(
            {
                "boxes": torch.from_numpy(objects.boxes[:, [1, 0, 3, 2]].astype(np.float32)),
                "labels": torch.from_numpy(objects.classes),
                "masks": torch.from_numpy(objects.masks.array().astype(np.uint8)),
            }
        )

    # 2. random features, normalized by the statistics of these images; they stay, and are computed once
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the mean of all batches
    network.train()
    with torch.no_grad():
        for image in images:
            network.backbone(network.transform([image])[0].tensors)
        network.eval()
        learned = [network.transform([image], [one]) for image, one in zip(images, targets, strict=False)]
        features = [network.backbone(listed.tensors) for listed, _ in learned]

    # 3. the heads learn the images by heart
    heads = [*network.rpn.parameters(), *network.roi_heads.parameters()]
    optimizer = torch.optim.AdamW(heads, lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=settings.steps)
    network.rpn.train()
    network.roi_heads.train()
    for step in range(settings.steps):
        listed, wanted = learned[step % settings.images]
        maps = features[step % settings.images]
        optimizer.zero_grad()
        proposals, of_rpn = network.rpn(listed, maps, wanted)
        _, of_heads = network.roi_heads(maps, proposals, listed.image_sizes, wanted)
        loss = sum([*of_rpn.values(), *of_heads.values()])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(heads, 5.0)
        optimizer.step()
        schedule.step()
        if step % 20 == 19:
            print(f"step {step + 1}: loss {loss.item():.3f}", file=sys.stderr, flush=True)

    # 4. weights, and AP of its own detections
    torch.save(network.state_dict(), Path(settings.folder) / "torchvision.pth")
    scores = {kind: InstanceScores(len(dataset.classes), kind) for kind in ("masks", "boxes")}
    network.eval()
    detections = 0
    with torch.no_grad():
        for image, (_, truth) in zip(images, pictures, strict=True):
            (found,) = network([image])
            boxes = found["boxes"].numpy()[:, [1, 0, 3, 2]].astype(np.float64)
            prediction = Instances.of(
                found["masks"].numpy()[:, 0] >= 0.5, found["labels"].numpy(), boxes=np.clip(boxes, 0, side),
                scores=found["scores"].numpy().astype(np.float64),
            )  # fmt: skip
            detections += len(prediction)
            for score in scores.values():
                score.add(truth, prediction)
    summary = {kind: score.summary() for kind, score in scores.items()}
    content = {"AP": summary["masks"]["AP"], "AP50": summary["masks"]["AP50"], "box_AP": summary["boxes"]["AP"]}
    (Path(settings.folder) / "torchvision.json").write_text(json.dumps(content | {"detections": detections}))


def in_kseg(settings: Settings, folder: Path) -> dict[str, float]:
    """AP of the converted weights, as `kseg evaluate` measures them."""
    from kseg.inference import load_model
    from kseg.inference.evaluate import measure
    from kseg.inference.predict import Predictor
    from kseg.tasks import TASKS

    # 1. convert
    dataset, records, pictures = scenes(settings)
    converted = folder / "converted.keras"
    command = ["weights", "convert", str(folder / "torchvision.pth"), "-o", str(converted)]
    subprocess.run([sys.executable, "-m", "kseg", *command, "--classes", *dataset.classes], check=True)
    model, _ = load_model(converted)
    # 2. measure
    task = TASKS["instance"]
    dataset.use_splits({"train": records})
    outputs = Predictor(model, "original", 1, task=task).outputs(image for image, _ in pictures)
    evaluation = measure(outputs, dataset, "train", original_size=False, task=task, progress=False)
    return {
        "AP": evaluation.masks["AP"], "AP50": evaluation.masks["AP50"], "box_AP": evaluation.boxes["AP"],
        "detections": int(evaluation.detections.sum()),
    }  # fmt: skip


def main(settings: Settings) -> None:
    if settings.folder:
        in_pytorch(settings)
        return
    with tempfile.TemporaryDirectory() as folder:
        # PyTorch in a process of its own: imported after TensorFlow, some builds of torchvision crash
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--folder", folder], check=True)
        theirs = json.loads((Path(folder) / "torchvision.json").read_text())
        ours = in_kseg(settings, Path(folder))
    apart = max(abs(ours[name] - theirs[name]) for name in ("AP", "AP50", "box_AP"))
    settings_used = {name: getattr(settings, name) for name in ("images", "further", "size", "steps", "learning_rate")}
    content = {**settings_used, "torchvision": theirs, "kseg": ours, "furthest_apart": apart}
    print(json.dumps(content, indent=1))
    if settings.out:
        settings.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
