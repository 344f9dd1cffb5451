"""The summary at the end of a run: the score, the files, what to try next."""

from kseg.inference.evaluate import another_split
from kseg.training.workdir import WorkDir
from kseg.wording import counted


def summary(workdir: WorkDir) -> str:
    """The last lines of a complete run."""
    results = workdir.read_results()
    evaluation, path = workdir.evaluation_of(results), workdir.path
    images = counted(len(evaluation.ids), "image")
    scored = f"{results['split']} {evaluation.in_a_line()}   ({images}, best epoch {results['best_epoch']})"
    if refined := results.get("refined"):
        behind = refined["evaluation"]["scores"]["iou_dataset"]
        scored += f"\nbehind a CRF  IoU {'undefined' if behind is None else f'{behind:.4f}'}   ({refined['crf']})"
    if not workdir.model.exists():
        return f"\n{scored}\n  results {workdir.results}"
    return "\n".join(
        [
            "",
            scored,
            f"  model   {workdir.model}",
            f"  report  {workdir.report}",
            "next:",
            f"  kseg predict {path} IMAGES --out predictions        masks and overlays of your own images",
            f"  kseg evaluate {path} --split {another_split(results['split'])}",
            f"  kseg export {path} --format saved_model|onnx|litert",
            "  kseg train --dataset folder --data-dir DIR        images/ and masks/ of your own",
        ]
    )
