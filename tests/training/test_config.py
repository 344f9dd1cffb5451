"""The configuration: presets fill it, JSON keeps it, nonsense is refused with a sentence."""

import dataclasses
import json

import pytest

from kseg.datasets import data_options
from kseg.errors import UsageError
from kseg.models import MODELS, model_options
from kseg.pipeline import Augmentation
from kseg.training.config import (
    LossOptions,
    TrainConfig,
    TrainingOptions,
    differences,
    from_json,
    from_record,
    ignored_options,
    resolve,
)
from kseg.training.layer_rates import without_encoder
from kseg.training.plan import with_preset_data
from kseg.training.presets import preset


def config(**training):
    return TrainConfig(training=TrainingOptions(**training))


def test_the_paper_s_settings_are_the_defaults_of_its_models():
    for model in ("bfcn32s", "fcresnet"):
        resolved = resolve(TrainConfig(model=model_options(model=model)), image_size=(224, 224))
        training = resolved.training
        # van Beers et al. table 2
        assert (training.epochs, training.batch_size, training.patience) == (1000, 100, 20)
        assert (training.optimizer, training.learning_rate, training.schedule) == ("rmsprop", 1e-4, "constant")
        assert training.epsilon == 1e-14  # Keras' of 2019
        assert resolved.loss.loss_reduction == "sum"  # "applied to each element in a batch and added"


def test_rahman_and_wang_s_settings_are_those_of_fcn32s_alexnet():
    training = resolve(TrainConfig(model=model_options(model="fcn32s_alexnet")), image_size=(375, 500)).training
    # section 4.1: fixed rate, momentum, weight decay
    assert (training.optimizer, training.learning_rate, training.schedule) == ("sgd", 1e-4, "constant")
    assert (training.momentum, training.l2_decay, training.weight_decay) == (0.99, 5e-4, 0.0)
    assert training.positives_per_batch == 1  # "we made it sure that each batch contains at least one positive example"


def test_momentum_and_decay_of_a_preset_go_with_its_optimizer():
    other = TrainConfig(model=model_options(model="fcn8s"), training=TrainingOptions(optimizer="adam"))
    training = resolve(other, image_size=(64, 64)).training
    assert (training.optimizer, training.momentum, training.l2_decay) == ("adam", 0.0, 0.0)


@pytest.mark.parametrize(
    ("model", "optimizer", "epsilon"),
    [
        ("bfcn32s", None, 1e-14),
        ("bfcn32s", "rmsprop", 1e-14),
        ("bfcn32s", "adam", 1e-7),
        ("bfcn32s", "sgd", None),
        ("unet", None, 1e-7),
        ("fcn8s", None, None),
    ],
)
def test_epsilon_goes_with_the_optimizer(model, optimizer, epsilon):
    asked = TrainConfig(model=model_options(model), training=TrainingOptions(optimizer=optimizer))
    resolved = resolve(asked, image_size=(64, 64))
    assert resolved.training.epsilon == epsilon
    assert resolve(resolved, image_size=(64, 64)) == resolved


def test_a_run_from_before_epsilon_had_keras_own():
    """Also if the preset of its paper has another epsilon today; SGD has none."""
    for model, optimizer, epsilon in (("bfcn32s", "rmsprop", 1e-7), ("unet", "adam", 1e-7), ("fcn8s", "sgd", None)):
        resolved = resolve(
            TrainConfig(model=model_options(model), training=TrainingOptions(optimizer=optimizer, epsilon=epsilon)),
            image_size=(64, 64),
        )
        old = resolved.to_json()
        del old["training"]["epsilon"]
        assert from_record(old) == resolved


def test_the_encoder_chooses_among_the_settings_of_a_model():
    def optimizer(encoder):
        return resolve(
            TrainConfig(model=model_options(model="fcn8s", encoder=encoder)), image_size=(64, 64)
        ).training.optimizer

    assert (optimizer(None), optimizer("resnet50"), optimizer("mobilenetv2")) == ("sgd", "sgd", "adam")


@pytest.mark.parametrize(
    ("model", "data", "counts", "epochs"),
    [
        ("panoptic_fpn", {}, (1200, 100, 100), 4),
        ("panoptic_fpn", {"synthetic_counts": (8, 4, 4)}, (8, 4, 4), 4),
        ("panoptic_fpn", {"dataset": "folder"}, None, 9),
        ("unet", {}, (600, 100, 100), 8),
        ("unet", {"dataset": "folder"}, None, MODELS["unet"].preset["epochs"]),
        ("mask_rcnn", {}, (600, 100, 100), 8),
    ],
)
def test_drawn_pictures_have_a_preset_of_their_own(model, data, counts, epochs):
    """Where the model has one; what is given wins, and counts that nobody names are recorded as they always were."""
    config = with_preset_data(TrainConfig(data=data_options(**data), model=model_options(model)))
    assert getattr(config.data, "synthetic_counts", None) == counts
    assert resolve(config, image_size=(64, 64)).training.epochs == epochs


@pytest.mark.parametrize("name", MODELS)
def test_every_value_of_a_preset_reaches_the_run(name):
    """A value for an option that is never open would be dead."""
    config = with_preset_data(TrainConfig(model=model_options(name)))
    resolved = resolve(config, image_size=(64, 64))
    groups = (resolved.data, resolved.training, resolved.loss, resolved.augment, resolved.model)
    for option, value in preset(name, "synthetic").items():
        found = [getattr(group, option) for group in groups if hasattr(group, option)]
        assert found == [without_encoder(value) if option == "layer_rates" else value], option


def test_two_sources_of_weights_are_one_too_many():
    both = TrainConfig(model=model_options(init="runs/a", weights="imagenet"))
    with pytest.raises(UsageError, match="--init runs/a and --weights imagenet both fill the encoder; leave one out"):
        resolve(both, image_size=(64, 64))


def test_a_flag_wins_over_the_preset():
    resolved = resolve(
        TrainConfig(model=model_options(model="bfcn32s"), training=TrainingOptions(batch_size=8)), image_size=(224, 224)
    )
    assert (resolved.training.batch_size, resolved.training.epochs) == (8, 1000)


def test_json_round_trip(tmp_path):
    original = TrainConfig(
        data=data_options(dataset="folder", data_dir=tmp_path, classes=("a", "b")),
        model=model_options(image_size=(64, 96)),
        loss=LossOptions(loss="bce + 0.5*iou"),
        augment=Augmentation(flip=True, crop=(32, 32)),
    )
    assert from_json(json.loads(json.dumps(original.to_json()))) == original


def test_the_old_spelling_of_colors_is_read():
    config = from_json({"data": {"dataset": "folder", "colours": ["a=0,0,0", "b=1,1,1"]}})
    assert config.data.colors == ("a=0,0,0", "b=1,1,1") and "colours" not in config.to_json()["data"]


@pytest.mark.parametrize(("value", "kept"), [("auto", "auto"), (100, 100), (None, None)])
def test_a_threshold_or_auto(value, kept):
    assert from_json({"data": {"dataset": "folder", "binary": value}}).data.binary == kept
    with pytest.raises(UsageError, match=r"binary of \[data\] .* must be one of auto or a number"):
        from_json({"data": {"dataset": "folder", "binary": "yes"}})


def test_differences_name_the_key_and_both_values():
    old = config(batch_size=8).to_json()
    new = config(batch_size=16).to_json()
    assert differences(old, new) == ["training.batch_size: 8 → 16"]
    assert differences(old, old) == []


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ({"trainig": {}}, ["trainig", "training"]),
        ({"training": {"batchsize": 3}}, ["batchsize", "batch_size"]),
    ],
)
def test_unknown_keys_name_the_nearest(content, names):
    with pytest.raises(UsageError) as error:
        from_json(content)
    for name in names:
        assert name in str(error.value)


@pytest.mark.parametrize(
    ("group", "key", "value", "wanted"),
    [
        ("training", "epochs", "many", "'many'; it must be a whole number"),
        ("training", "tensorboard", 1, "1; it must be true or false"),
        ("training", "seed", True, "True; it must be a whole number"),
        ("training", "precision", "float8", "'float8'; it must be one of float32, mixed_bfloat16"),
        ("model", "image_size", [64], r"\[64\]; it must be a list of 2 \(a whole number each\)"),
        ("data", "category", 2, "2; it must be a text"),
        ("data", "synthetic_counts", [4, "a", 2], r"\[4, 'a', 2\]; it must be a list of 3 \(a whole number each\)"),
        ("data", "data_dir", 3, "3; it must be a path"),
    ],
)
def test_values_of_a_wrong_type_are_named(group, key, value, wanted):
    with pytest.raises(UsageError, match=rf"{key} of \[{group}\] in run.toml is {wanted}"):
        from_json({group: {key: value}}, where="run.toml")


def test_whole_numbers_are_numbers():
    assert from_json({"training": {"learning_rate": 1}}).training.learning_rate == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"momentum": 0.9, "optimizer": "adam"}, "--momentum goes with"),
        ({"epochs": 3, "warmup_epochs": 3.0}, "--warmup-epochs is 3 and the run has 3 epochs"),
        ({"batch_size": 4, "positives_per_batch": 5}, "--positives-per-batch is 5 and a batch holds 4 images"),
        ({"l2_decay": 5e-4, "optimizer": "adam"}, "--l2-decay goes with sgd, not with adam; leave it out or pass"),
        ({"epsilon": 1e-3, "optimizer": "sgd"}, "--epsilon goes with rmsprop, adam, adamw, not with sgd; leave it out"),
        ({"epsilon": 0.0}, "--epsilon is 0; it must be above 0, or left out"),
        ({"epsilon": float("nan")}, "--epsilon is nan; it must be above 0"),
    ],
)
def test_nonsense_is_refused(options, words):
    with pytest.raises(UsageError, match=words):
        resolve(config(**options), image_size=(64, 64))


def test_options_that_others_make_idle_are_told():
    loss = LossOptions(border_sigma=3.0)
    given = TrainConfig(loss=loss, training=TrainingOptions(schedule="cosine", poly_power=2.0))
    assert ignored_options(resolve(given, image_size=(64, 64))) == [
        "--poly-power means nothing with the cosine schedule and is ignored",
        "--border-sigma means nothing with --pixel-weights none and is ignored",
    ]
    assert ignored_options(resolve(config(schedule="poly", poly_power=2.0), image_size=(64, 64))) == []


def test_crops_as_small_as_no_network_takes_are_refused():
    with pytest.raises(UsageError, match="--crop is 16 64; for networks each side must be at least 32"):
        resolve(TrainConfig(augment=Augmentation(crop=(16, 64))), image_size=(64, 64))


def test_crops_are_of_unresized_images_unless_a_size_is_asked_for():
    crop = Augmentation(crop=(48, 40))
    plain = resolve(TrainConfig(augment=crop), image_size=(64, 64))
    assert (plain.model.image_size, plain.training_size, plain.training.test_input) == (None, (48, 40), "original")
    assert resolve(plain, image_size=(64, 64)) == plain
    resized = resolve(TrainConfig(augment=crop, model=model_options(image_size=(56, 56))), image_size=(64, 64))
    assert (resized.model.image_size, resized.training.test_input) == ((56, 56), None)
    with pytest.raises(UsageError, match="--test-input trained wants images resized as in training"):
        resolve(TrainConfig(augment=crop, training=TrainingOptions(test_input="trained")), image_size=(64, 64))


def test_cached_features_and_augmentation_exclude_each_other():
    asked = dataclasses.replace(config(cache_features="on"), augment=Augmentation(flip=True, color=0.2))
    with pytest.raises(UsageError, match="augmentation"):
        resolve(asked, image_size=(64, 64))


def test_positives_per_batch_follow_preset_and_task(monkeypatch):
    monkeypatch.setitem(MODELS["bfcn32s"].preset, "positives_per_batch", 1)
    model = model_options(model="bfcn32s")
    for asked, classes, wanted in ((None, 2, 1), (0, 2, 0), (2, 2, 2), (None, 21, 0), (0, 21, 0)):
        given = TrainConfig(model=model, training=TrainingOptions(positives_per_batch=asked))
        resolved = resolve(given, image_size=(64, 64), num_classes=classes)
        assert resolved.training.positives_per_batch == wanted
    assert resolve(TrainConfig(), image_size=(64, 64)).training.positives_per_batch == 0
    with pytest.raises(
        UsageError, match="--positives-per-batch .* 21 classes here; choose one of them with --category"
    ):
        resolve(config(positives_per_batch=1), image_size=(64, 64), num_classes=21)


@pytest.mark.parametrize(
    ("model", "loss", "fed"),
    [
        (model_options("fcn32s_alexnet"), "iou(pooling='batch')", "original"),
        (model_options("fcn32s_alexnet", outputs=2), "ce", "original"),
        (model_options("fcn8s", encoder="mobilenetv2"), "iou", None),
        (model_options("bfcn32s"), "iou", None),
    ],
)
def test_loss_and_test_images_are_the_paper_s(model, loss, fed):
    resolved = resolve(TrainConfig(model=model), image_size=(64, 64))
    assert (resolved.loss.loss, resolved.training.test_input) == (loss, fed)
    other = resolve(TrainConfig(model=model, loss=LossOptions("dice")), image_size=(64, 64))
    assert other.loss.loss == "dice"
