"""A run, whole: what it leaves behind, what it refuses, and that cached features change nothing."""

import dataclasses
import json
from unittest import mock

import keras
import numpy as np
import pytest
from narrow import TINY
from tiny_run import NETWORKS, TINY_DATA, tiny_run

from kseg.datasets import open_dataset
from kseg.datasets.images import resize_probabilities
from kseg.datasets.membership import Membership
from kseg.errors import Failure, UsageError
from kseg.inference import evaluate, load_masks, load_model, load_probabilities
from kseg.metrics.confusion import confusion_matrix
from kseg.pipeline import Augmentation
from kseg.postprocess import crf_parameters, crf_refiner
from kseg.report import write_report
from kseg.training.checkpoint import load_weights
from kseg.training.description import remarks_on_files
from kseg.training.plan import default_path
from kseg.training.run import train
from kseg.training.summary import summary
from kseg.training.trained import Trained
from kseg.training.workdir import WorkDir

pytestmark = pytest.mark.usefixtures("clean_framework")


def entries(workdir: WorkDir) -> list[dict]:
    return [json.loads(line) for line in workdir.journal.read_text().splitlines()]


def test_a_run_leaves_everything_behind(finished):
    workdir = finished

    assert [entry["epoch"] for entry in entries(workdir)] == [1, 2, 3]
    assert set(entries(workdir)[0]) == {
        "epoch", "seconds", "learning_rate", "loss", "iou", "accuracy", "val_loss", "val_iou", "val_accuracy",
    }  # fmt: skip
    environment = json.loads(workdir.environment.read_text())
    assert environment["command"] == "train.py --epochs 3"
    assert environment["packages"]["keras"] == keras.__version__
    assert list(workdir.tensorboard.iterdir())

    results = json.loads(workdir.results.read_text())
    scores = results["evaluation"]["scores"]
    matrix = np.array(results["evaluation"]["confusion_matrix"])
    assert matrix.sum() == 4 * 32 * 32  # every pixel of the four test images
    assert scores["iou_dataset"] == pytest.approx(matrix[1, 1] / (matrix.sum() - matrix[0, 0]))
    assert f"{scores['iou_dataset']:.4f}" in summary(workdir)

    model, card = load_model(workdir.path)
    assert card.classes == ("background", "face+hair")
    probabilities = model.predict(np.zeros((1, 45, 61, 3), "uint8"), verbose=0)
    assert probabilities.shape == (1, 45, 61, 1)
    assert 0 <= probabilities.min() <= probabilities.max() <= 1
    assert not [path for path in workdir.path.rglob("*") if path.name.startswith(".writing")]


def test_model_keras_holds_the_best_epoch(finished):
    workdir = finished
    best = max(entries(workdir), key=lambda entry: entry["val_iou"])
    assert json.loads(workdir.results.read_text())["best_epoch"] == best["epoch"]
    network, _ = load_model(workdir.path)
    saved = network.get_weights()
    load_weights(workdir.best, network)
    for mine, theirs in zip(network.get_weights(), saved, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_complete_run_is_not_trained_again(finished, capsys):
    written = {path: path.stat().st_mtime_ns for path in finished.path.rglob("*")}
    train(tiny_run(tensorboard=True), finished.path)
    assert {path: path.stat().st_mtime_ns for path in finished.path.rglob("*")} == written
    assert "is complete" in capsys.readouterr().err


def test_patience_stops_a_run(tmp_path):
    # With a learning rate of 0 the validation IoU never improves on the first epoch's … but the moving statistics of
    # batch normalization do move, so a momentary gain is possible: count from the best.
    workdir = train(tiny_run(learning_rate=0.0, epochs=40, patience=2), tmp_path / "run")
    journal = entries(workdir)
    best = max(journal, key=lambda entry: entry["val_iou"])
    assert journal[-1]["epoch"] == best["epoch"] + 2 < 40


def test_a_loss_that_is_not_a_number_stops_the_run_and_names_the_step(tmp_path):
    config = tiny_run(loss="bce", optimizer="sgd", learning_rate=1e38, epochs=2)
    with pytest.raises(Failure, match=r"the loss became (nan|inf) at step \d+ of epoch 1"):
        train(config, tmp_path / "run")
    assert not WorkDir(tmp_path / "run").results.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "unet2"}, "unet"),
        ({"loss": "ioux"}, "iou"),
        ({"dataset": "lwf"}, "lfw"),
        ({"weights": "imagenet"}, "no encoder"),
        ({"head_width": 8}, "head_width"),
    ],
)
def test_unknown_names_are_refused_before_anything_is_made(tmp_path, change, words):
    with pytest.raises(UsageError, match=words):
        train(tiny_run(**change), tmp_path / "run")
    assert not WorkDir(tmp_path / "run").last.exists()


def test_more_validation_than_images_is_an_empty_split(tmp_path):
    with pytest.raises(UsageError, match="validation split of synthetic is empty"):
        train(tiny_run(synthetic_counts=(4, 0, 4)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_without_a_test_split_the_end_measures_validation_and_says_so(tmp_path, capsys):
    workdir = train(tiny_run(synthetic_counts=(8, 4, 0), epochs=1), tmp_path / "run")
    results = workdir.read_results()
    assert results["split"] == results["evaluation"]["split"] == "validation"
    assert len(results["evaluation"]["ids"]) == 4
    assert "--split train\n" in summary(workdir)  # validation is measured already
    assert "validation IoU " in summary(workdir) and "8 train, 4 validation, trained" in capsys.readouterr().err
    assert set(Membership.read(workdir.path).splits) == {"train", "validation"}
    assert "validation IoU of " in write_report(workdir.path).read_text()


def test_pictures_in_two_splits_are_said_before_training():
    twice = Membership({"train": {"a": "1", "b": "2"}, "validation": {"c": "2"}, "test": {"a2": "1"}})
    (line,) = remarks_on_files(open_dataset(TINY_DATA), twice)
    assert line.startswith(
        "leak      2 pictures are in more than one split under several names (a (train) is a2 (test))"
    )
    assert remarks_on_files(open_dataset(TINY_DATA), Membership({"train": {"a": "1"}, "test": {"b": "2"}})) == []


def test_the_name_of_a_run_tells_settings_apart():
    assert str(default_path(tiny_run(model="bfcn32s", dataset="lfw"))) == "runs/bfcn32s-iou-lfw-hair"
    assert str(default_path(tiny_run(dataset="lfw", hair=False, size="small"))) == "runs/tiny-iou-lfw-no_hair-small"


def test_the_name_of_a_run_tells_years_categories_and_weights_apart():
    for changes, name in (
        ({"dataset": "camvid"}, "camvid"),
        ({"dataset": "camvid", "category": "Sign-Symbol"}, "camvid-sign_symbol"),
        ({"dataset": "voc", "year": "2012+sbd", "split_scheme": "official"}, "voc-2012_sbd-official"),
        ({"dataset": "voc", "category": "TV/Monitor"}, "voc-2012-tv_monitor"),
        ({"dataset": "camvid", "class_weights": "median"}, "camvid-median"),
        ({"dataset": "camvid", "scales": (1, 0.5), "loss_stride": 8}, "camvid-scales-0.5-1-loss_stride-8"),
    ):
        assert str(default_path(tiny_run(loss="ce", **changes))) == f"runs/tiny-ce-{name}"


def test_one_category_with_positives_and_class_weights(tmp_path, capsys):
    changes = {"parts": True, "category": "hair", "positives_per_batch": 1, "class_weights": "inverse_log"}
    workdir = train(tiny_run(loss="bce", epochs=1, **changes), tmp_path / "run")
    network, card = load_model(workdir.path)
    assert card.classes == ("background", "hair") and network.output_shape[-1] == 1
    config = json.loads(workdir.config.read_text())
    assert config["data"]["category"] == "hair" and config["training"]["positives_per_batch"] == 1
    weights = json.loads(workdir.environment.read_text())["class_weights"]
    data = open_dataset(dataclasses.replace(TINY_DATA, parts=True, category="hair"))
    labels = np.stack([data.labels(record) for record in data.records("train")])
    share, showing = labels.mean(), labels.any(axis=(1, 2)).sum()
    # 1/ln(1.02 + p): what is rarer weighs more
    expected = {"background": 1 / np.log(2.02 - share), "hair": 1 / np.log(1.02 + share)}
    assert weights == pytest.approx(expected, abs=1e-5) and weights["hair"] > weights["background"]
    assert f"kseg evaluate {workdir.path} --split validation\n" in summary(workdir)  # of the run's own data
    told = capsys.readouterr().err
    assert f"each with at least 1 of the {showing} training images that show hair" in told
    assert "weighed by inverse_log: background " in told


def test_class_weights_that_the_loss_does_not_take_are_refused(tmp_path):
    with pytest.raises(UsageError, match="loss 'iou' takes no class weights"):
        train(tiny_run(loss="iou", class_weights="median"), tmp_path / "refused")
    assert not (tmp_path / "refused").exists()


@pytest.mark.parametrize("task", NETWORKS)
def test_mixed_precision_trains_and_saves_float32(tmp_path, task, request):
    if task == "instance":  # the graph of the same detector is trained within "panoptic"
        request.getfixturevalue("without_graphs")
    config = tiny_run(**NETWORKS[task], precision="mixed_bfloat16", epochs=1, tensorboard=True)
    with mock.patch.object(Trained, "predict_on_batch", autospec=True, side_effect=Trained.predict_on_batch) as predict:
        workdir = train(config, tmp_path / "run")
    assert list(workdir.tensorboard.iterdir())
    assert predict.call_count == (task == "semantic")  # overlays of objects show what the validation gave
    model, card = load_model(workdir.path)
    (entry,) = entries(workdir)
    assert card.task == task and np.isfinite([entry["loss"], entry["val_loss"]]).all()
    assert {variable.dtype for variable in model.weights} == {"float32"}
    assert {layer.compute_dtype for layer in model.layers[1:]} == {"float32"}  # the first is the input
    assert keras.config.dtype_policy().name == "float32"  # the run put back what was there


SGD = {"optimizer": "sgd", "learning_rate": 0.1}
"""Adam's and RMSprop's first steps make a whole step of the rounding of a gradient that is 0."""
FROZEN = {"encoder": TINY, "trainable_from": "none", "synthetic_size": 64, "loss_reduction": "mean"}


@pytest.mark.parametrize(
    ("flip", "network"),
    [(False, {"model": "unet", "base_width": 4}), (True, {"model": "fcn32s", "head_width": 4})],
    ids=["plain", "flipped"],
)
@pytest.mark.usefixtures("tiny_encoder", "without_graphs")
def test_cached_features_change_nothing(tmp_path, flip, network):
    """With and without the cache: the same loss and the same steps, up to float rounding. Also where the loss reads
    more than labels. Two epochs of one step, for trainings of two code paths drift apart."""
    runs = {}
    loss = "bce + 0.01*boundary + 0.1*mumford_shah" if flip else "iou"
    shared = {"epochs": 2, "loss": loss, "synthetic_counts": (4, 4, 4), **SGD, **FROZEN, **network}
    for cache in ("on", "off"):
        config = tiny_run(**shared, cache_features=cache, augment=Augmentation(flip=flip))
        workdir = train(config, tmp_path / cache)
        runs[cache] = (load_model(workdir.path)[0].get_weights(), entries(workdir))
    for cached, plain in zip(runs["on"][0], runs["off"][0], strict=True):
        np.testing.assert_allclose(cached, plain, rtol=1e-3, atol=1e-4)
    for cached, plain in zip(runs["on"][1], runs["off"][1], strict=True):
        assert cached["loss"] == pytest.approx(plain["loss"], abs=1e-4)
        assert cached["val_loss"] == pytest.approx(plain["val_loss"], abs=1e-4)


def test_bad_truth_of_the_test_split_stops_a_run_before_it_begins(tmp_path, monkeypatch):
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    config = tiny_run()
    dataset = open_dataset(config.data)
    labels, bad = dataset.labels, dataset.records("test")[1].id

    def broken(record):
        if record.id == bad:
            raise Failure(f"{bad}: the mask is broken")
        return labels(record)

    monkeypatch.setattr(dataset, "labels", broken)
    with pytest.raises(Failure, match="the mask is broken"):
        train(config, tmp_path / "run", dataset=dataset, quiet=True)
    assert not (tmp_path / "run").exists()


def test_crops_of_another_size_than_the_images_train(tmp_path, capsys):
    """Lower and wider than the image; the loss reads more than labels, and TensorBoard is shown whole images."""
    changes = {"image_size": (48, 48), "augment": Augmentation(crop=(32, 64)), "loss": "bce + 0.01*boundary"}
    workdir = train(tiny_run(epochs=1, tensorboard=True, **changes), tmp_path / "run")
    told = capsys.readouterr().err
    assert "resized to 48×48, trained in random crops of 32×64 with void around them, validated as wholes" in told
    network, card = load_model(workdir.path)
    assert card.image_size == (48, 48)  # what it is fed in use is what it was validated at
    assert np.isfinite(entries(workdir)[0]["val_loss"])


@pytest.mark.parametrize("keep", ["everything", "measurements"])
def test_the_network_may_be_tested_on_images_as_they_are(tmp_path, keep):
    config = tiny_run(epochs=1, image_size=(48, 64), test_input="original", keep=keep)
    evaluation = train(config, tmp_path / "run", quiet=True).read_results()["evaluation"]
    assert evaluation["input_size"] == "original"
    assert np.sum(evaluation["confusion_matrix"]) == 4 * 32 * 32


@pytest.mark.parametrize("keep", ["everything", "measurements"])
def test_the_test_images_are_measured_behind_a_crf_too(tmp_path, keep):
    words = ("w1=10", "sigma1=2", "iterations=2")
    config = tiny_run(epochs=1, image_size=(48, 48), test_crf=words, test_probabilities=2, keep=keep)
    workdir = train(config, tmp_path / "run", quiet=True)
    results = workdir.read_results()
    refined = results["refined"]["evaluation"]
    assert refined["confusion_matrix"] != results["evaluation"]["confusion_matrix"]
    assert results["refined"]["crf"] == str(crf_parameters(words)) and f"({crf_parameters(words)})" in summary(workdir)
    dataset = open_dataset(config.data)
    ids = [record.id for record in dataset.records("test")]
    kept = load_probabilities(workdir.probabilities)
    assert list(kept) == ids[:2]
    if keep == "measurements":  # of both kinds of masks the kept ones are those that were counted
        behind = load_masks(workdir.refined_masks)
        counted = [confusion_matrix(dataset.labels(r), behind[r.id], 2) for r in dataset.records("test")]
        assert sum(counted).tolist() == refined["confusion_matrix"]
        mask = load_masks(workdir.masks)[ids[0]]
        first = np.asarray(resize_probabilities(kept[ids[0]], mask.shape))[..., 0]
        clear = np.abs(first - 0.5) > 0.01
        np.testing.assert_array_equal((first > 0.5)[clear], mask[clear] == 1)
    if keep == "everything":
        model, card = load_model(workdir.path)
        again = evaluate(model, dataset, "test", image_size=card.image_size, refine=crf_refiner(crf_parameters(words)))
        assert refined["confusion_matrix"] == again.to_json()["confusion_matrix"]


def test_parameters_of_no_crf_are_refused_before_training(tmp_path):
    with pytest.raises(UsageError, match="CRF parameter"):
        train(tiny_run(test_crf=("w9=3",)), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()
