"""A loss on the network's own grid and over several scales: labels by hand, values against the definition."""

import json

import keras
import numpy as np
import pytest
from narrow import TINY
from tiny_run import tiny_run

from kseg.conventions import DEFAULT_TASK
from kseg.errors import UsageError
from kseg.inference import load_model
from kseg.losses import get
from kseg.models import build
from kseg.tasks import TASKS
from kseg.training.graded import GradedScores, with_graded_scores
from kseg.training.run import train
from kseg.training.trained import Objective, Trained

SCALES = (0.5, 0.75, 1)


def rows_of(lies, pixels, side, positions):
    """Which rows of a label map of `side` rows the positions get."""
    label = np.arange(side)[None, :, None] * np.ones((1, 1, 2), int)
    sampled, scores = GradedScores(lies, pixels).pair({"label": label}, np.zeros((1, positions, 1, 3)))
    assert scores.shape[1] == sampled["label"].shape[1]
    return np.asarray(sampled["label"])[0, :, 0].tolist()


def test_labels_by_nearest_by_hand():
    assert rows_of("aligned", 8, 33, 5) == [0, 8, 16, 24, 32]
    assert rows_of("aligned", 16, 33, 3) == [0, 16, 32]  # at scale ½
    assert rows_of("aligned", 8 / 0.75, 33, 4) == [0, 11, 21, 32]  # 0, 10.67, 21.33, 32
    assert rows_of("centers", 8, 32, 4) == [4, 12, 20, 28]
    assert rows_of("centers", 8, 33, 5) == [4, 12, 20, 28, 32]  # the last middle, 36, lies outside: its nearest pixel
    assert rows_of("stretched", 8, 30, 4) == [3, 11, 18, 26]  # (i + ½)·7.5
    assert rows_of("centers", 1, 5, 8) == [0, 1, 2, 3, 4]  # the network had padded the image


def objective(spec="ce"):
    task = TASKS[DEFAULT_TASK]
    return Objective(task.loss(spec, reduction="mean"), task.metrics(3))


def batch(size):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (2, *size)).astype(np.uint8)
    labels[:, :9] = 255
    return rng.uniform(0, 255, (2, *size, 3)).astype(np.float32), labels


def loss_in_training(network, loss_stride, images, labels):
    whole, graded = with_graded_scores(network, loss_stride=loss_stride)
    trained = Trained(whole, graded=graded)
    trained.prepare(objective(), optimizer="sgd", jit_compile=False)
    logs = trained.test_on_batch(images, {"label": labels}, return_dict=True)
    assert trained.predict_on_batch(images).shape == (2, *images.shape[1:3], 3)
    return float(logs["loss"])


def by_hand(scores, labels):
    return float(np.mean(get("ce", from_logits=True, reduction=None)(labels, scores)))


@pytest.mark.parametrize("input_size", [97, None])
def test_the_loss_on_the_own_grid(input_size):
    """DeepLab's: 13² scores of 97² pixels against every eighth label."""
    keras.utils.set_random_seed(0)
    network = build(
        "deeplab_largefov", num_classes=3, head_width=8, activation=None, input_shape=(input_size,) * 2 + (3,)
    )
    network.get_layer("fc8").kernel.assign(np.random.default_rng(0).normal(size=(1, 1, 8, 3)))
    images, labels = batch((97, 97))
    scores = keras.Model(network.input, network.get_layer("fc8").output)(images)
    assert scores.shape[1:3] == (13, 13)
    wanted = by_hand(scores, labels[:, ::8, ::8])
    assert loss_in_training(network, 8, images, labels) == pytest.approx(wanted, rel=1e-4)
    full = by_hand(network(images), labels)
    assert loss_in_training(network, 1, images, labels) == pytest.approx(full, rel=1e-4)
    assert full != pytest.approx(wanted, rel=1e-4)


@pytest.mark.usefixtures("without_graphs")
@pytest.mark.parametrize("loss_stride", [8, 1])
def test_four_losses_of_three_scales(loss_stride):
    keras.utils.set_random_seed(0)
    arguments = {"num_classes": 3, "head_width": 8, "activation": None, "dropout": 0.0}
    single = build("deeplab_largefov", **arguments)
    images, labels = batch((97, 97))
    several = build("deeplab_largefov", scales=SCALES, **arguments)
    several.set_weights(single.get_weights())
    end = "fc8" if loss_stride == 8 else "logits"
    network = keras.Model(single.input, single.get_layer(end).output)
    wanted = 0.0
    for scale in SCALES:
        smaller = several.get_layer(f"image_at_{scale:g}")(images) if scale != 1 else images
        scores = np.asarray(network(smaller))
        at = np.minimum(np.floor(np.arange(scores.shape[1]) * loss_stride / scale + 0.5 + 1e-4), 96).astype(int)
        wanted += by_hand(scores, labels[:, at][:, :, at])
    # `get_layer("logits").output` would be the logits of the image's own scale, where the layer was called first.
    largest = several.get_layer("maximum_of_scales").output if loss_stride == 8 else several.output
    maximum = keras.Model(several.input, largest)
    wanted += by_hand(maximum(images), labels[:, ::loss_stride, ::loss_stride])
    assert loss_in_training(several, loss_stride, images, labels) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.usefixtures("tiny_encoder", "without_graphs")
@pytest.mark.parametrize("loss_stride", [8, 1])
@pytest.mark.parametrize("scales", [(), SCALES], ids=["one", "several"])
def test_the_auxiliary_head_counts_by_its_weight(scales, loss_stride):
    """At each scale loss(scores) + 0.4·loss(auxiliary), and the maximum of several scales alone."""
    keras.utils.set_random_seed(0)
    arguments = {"encoder": TINY, "num_classes": 3, "head_width": 8, "activation": None, "dropout": 0.0}
    network = build("pspnet", scales=scales, **arguments)
    weights = {"score": 1.0, "aux_score": 0.4}
    images, labels = batch((96, 96))
    wanted = 0.0
    single = build("pspnet", **arguments)
    single.set_weights(network.get_weights())
    for scale in scales or (1.0,):
        smaller = network.get_layer(f"image_at_{scale:g}")(images) if scale != 1 else images
        for name, weight in weights.items():
            scores = keras.Model(single.input, single.get_layer(name).output)(smaller)
            if loss_stride == 1:
                scores = single.get_layer("upscore")(scores)[:, : smaller.shape[1], : smaller.shape[2]]
            pixels = loss_stride / scale
            at = np.minimum(np.floor((np.arange(scores.shape[1]) + 0.5) * pixels + 1e-4), 95).astype(int)
            inside = int(np.ceil(96 / pixels - 1e-4))
            at, scores = at[:inside], scores[:, :inside, :inside]
            wanted += weight * by_hand(scores, labels[:, at][:, :, at])
    if scales:
        maximum = network.get_layer("maximum_of_scales").output if loss_stride == 8 else network.output
        at = np.arange(0, 96, loss_stride) + loss_stride // 2
        wanted += by_hand(keras.Model(network.input, maximum)(images), labels[:, at][:, :, at])
    assert loss_in_training(network, loss_stride, images, labels) == pytest.approx(wanted, rel=1e-4)


def test_parts_of_the_loss_are_means_weighted_as_the_loss_is():
    """ce and half of iou of two maps, the second times 0.4: (part₁ + 0.4·part₂) / 1.4."""
    targets = {"label": np.array([[[0, 1], [2, 255]]] * 2, np.uint8)}
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=(2, 2, 2, 3)).astype("float32") for _ in range(2)]
    counted = objective("ce + 0.5*iou")
    values = [
        float(counted.loss(targets, scores, weight=weight)) for scores, weight in zip(maps, (1, 0.4), strict=True)
    ]
    alone = [objective("ce + 0.5*iou") for _ in maps]
    whole = [float(one.loss(targets, scores)) for one, scores in zip(alone, maps, strict=True)]
    assert values == pytest.approx([whole[0], 0.4 * whole[1]])
    for place, metric in enumerate(counted.parts):
        first, second = (float(one.parts[place].result()) for one in alone)
        assert first != pytest.approx(second)
        assert float(metric.result()) == pytest.approx((first + 0.4 * second) / 1.4)


def test_another_stride_is_refused():
    network = build("deeplab_largefov", num_classes=3, head_width=8)
    with pytest.raises(UsageError, match="scores every 8th pixel in each direction; pass --loss-stride 8"):
        with_graded_scores(network, loss_stride=4)
    with pytest.raises(UsageError, match="unet scores every pixel; leave it out"):
        with_graded_scores(build("unet", base_width=4), loss_stride=8)


@pytest.mark.usefixtures("clean_framework", "tiny_encoder")
@pytest.mark.parametrize("options", [
    {"model": "deeplab_resnet101", "encoder": TINY, "loss_stride": 8, "loss": "bce + 0.0004*level_set"},
    {"scales": SCALES},
    {"model": "fcn32s", "encoder": TINY, "head_width": 8, "loss_stride": 32, "trainable_from": "none",
     "scales": (0.5, 1.0), "synthetic_size": 64},
    {"model": "pspnet", "encoder": TINY, "head_width": 8, "trainable_from": "none", "synthetic_size": 64},
])  # fmt: skip
def test_runs_train_resume_and_predict(options, tmp_path, request):
    """Also on cached features, with one network per scale; the epoch after resuming needs no graph of its own."""
    run = train(tiny_run(epochs=2, **options), tmp_path / "run", quiet=True)
    results = json.loads(run.results.read_text())
    assert results["epochs"] == 2 and 0 <= results["evaluation"]["scores"]["iou_dataset"] <= 1
    request.getfixturevalue("without_graphs")
    again = train(tiny_run(epochs=3, **options), tmp_path / "run", quiet=True)
    assert not any(layer.name.startswith("aux") for layer in load_model(run.model)[0].layers)
    assert json.loads(again.results.read_text())["epochs"] == 3
