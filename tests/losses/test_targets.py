"""A dict of targets in place of a label map: every loss takes what it reads, and computes what is not there."""

import keras
import numpy as np
import pytest
from pytest import approx

from kseg.errors import UsageError
from kseg.losses import LOSSES, get, part_metrics
from kseg.pipeline.maps import distance_maps
from losses.cases import CHANNELS, VOID, batch, case_id, of_logits, once

SUM = "ce + 0.01*boundary + 1e-3*hausdorff + 0.1*mumford_shah"


def targets_of(labels, channels):
    """What the pipeline makes of label maps; the images are drawn."""
    distance = np.stack([distance_maps(label, channels) for label in labels])
    image = np.random.default_rng(1).random((*labels.shape, 3)).astype("float32")
    return {"label": labels, "distance": distance, "image": image}


@pytest.mark.parametrize(("name", "problem", "options"), once(), ids=case_id)
def test_what_a_loss_does_not_read_does_not_move_it(name, problem, options):
    labels, logits = batch(problem)
    targets = {**targets_of(labels, CHANNELS[problem]), "weight": np.ones(labels.shape, "float32")}
    read = LOSSES[name].reads
    others = {key: value for key, value in targets.items() if key not in (read, "weight")}
    loss = of_logits(name, **options)
    assert float(loss(others, logits)) == float(loss(labels, logits))


@pytest.mark.parametrize("problem", ["binary", "multi-class"])
def test_every_part_of_a_sum_takes_what_it_reads(problem):
    labels, logits = batch(problem)
    targets = targets_of(labels, logits.shape[-1])
    loss = of_logits(SUM)
    total, values = loss.value_and_parts(targets, logits)
    found = {label: float(value) for label, value in values.items()}
    shah = of_logits("mumford_shah")
    assert found == approx({
        "ce": float(of_logits("ce")(labels, logits)),
        "boundary": float(of_logits("boundary")(labels, logits)),  # computed in the graph
        "hausdorff": float(of_logits("hausdorff")(labels, logits)),
        "mumford_shah": float(shah({"label": labels, "image": targets["image"]}, logits)),
    }, rel=1e-5)  # fmt: skip
    assert found["mumford_shah"] != approx(float(shah(labels, logits)), rel=1e-3)  # that of the one-hot truth
    assert float(total) == approx(sum(weight * found[label] for label, (weight, _) in loss.parts.items()), rel=1e-6)
    for part in part_metrics(loss):
        part.update_state(targets, logits)
        assert float(part.result()) == approx(found[part.name.removeprefix("loss_")], rel=1e-5)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("spec", ["boundary", "hausdorff", "mumford_shah", SUM])
def test_a_plain_label_map_in_fit_gives_the_loss_of_its_own_targets(spec, jit):
    """`model.compile(loss=kseg.losses.get("boundary"))`, as a user of Keras writes it; the first loss is untrained."""
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(3, 6, 7, 3)).astype("float32"), rng.integers(0, 2, (3, 6, 7)).astype("uint8")
    labels[0, :2] = VOID
    inputs = keras.Input((6, 7, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(inputs))
    targets = {"label": labels, "distance": np.stack([distance_maps(label, 1) for label in labels])}
    if "mumford_shah" in spec:  # its image is then the one-hot truth, background first
        one_hot = np.stack([labels == 0, labels == 1], axis=-1)
        targets["image"] = np.where((labels == VOID)[..., None], 0.0, one_hot).astype("float32")
    expected = float(get(spec)(targets, model(images)))
    model.compile("sgd", loss=get(spec), jit_compile=jit)
    history = model.fit(images, labels, batch_size=3, verbose=0).history
    assert history["loss"][0] == approx(expected, rel=1e-4)


def test_weights_among_the_targets_are_weights_of_pixels():
    labels, logits = batch("binary")
    weights = np.random.default_rng(3).random(labels.shape).astype("float32")
    for spec in ("iou", "bce + 0.5*iou"):
        loss = of_logits(spec)
        expected = float(loss(labels, logits, weights))
        assert float(loss({"label": labels, "weight": weights}, logits)) == expected
        assert expected != approx(float(loss(labels, logits)), rel=1e-3)


@pytest.mark.parametrize(
    ("targets", "weights", "says"),
    [
        ({"labels": 0}, None, "the targets are labels; losses and metrics need 'label' among them"),
        ({}, None, "the targets are none"),
        ({"label": 0, "weight": 1}, 1, "give one of them"),
        ({"label": np.zeros((2, 4, 4)), "distance": np.zeros((2, 4, 4, 3))}, None, "give one map per channel"),
        ({"label": np.zeros((2, 4, 4)), "distance": np.zeros((2, 4, 4))}, None, "give one map per channel"),
    ],
)
def test_targets_that_cannot_be_meant_are_refused(targets, weights, says):
    with pytest.raises(UsageError, match=says):
        get("boundary")(targets, np.zeros((2, 4, 4, 1), "float32"), weights)
