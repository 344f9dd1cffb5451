"""A saved model comes back with its card; anything else gets one sentence."""

import dataclasses
import json
import zipfile

import keras
import numpy as np
import pytest

from kseg.errors import UsageError
from kseg.inference import ModelCard, load_model, save_model

CARD = ModelCard(
    classes=("background", "hair", "face"),
    palette=((0, 0, 0), (255, 0, 0), (0, 255, 0)),
    image_size=(32, 48),
    model="tiny",
    loss="ce",
    dataset="synthetic",
    value_range=(0.0, 4095.0),
)


def network(channels=3, activation="softmax", size=(None, None)):
    inputs = keras.Input((*size, 3))
    return keras.Model(inputs, keras.layers.Conv2D(channels, 1, activation=activation)(inputs), name="tiny")


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.keras"
    save_model(network(), path, CARD)
    return path


def test_a_model_comes_back_with_card_and_weights(tmp_path):
    model = network()
    save_model(model, tmp_path / "a.keras", CARD)
    loaded, card = load_model(tmp_path / "a.keras")
    assert card == CARD
    image = np.random.default_rng(0).uniform(0, 255, (1, 5, 7, 3)).astype("float32")
    np.testing.assert_array_equal(loaded.predict_on_batch(image), model.predict_on_batch(image))


def test_saving_leaves_one_file_and_keras_can_read_it(saved):
    assert [path.name for path in saved.parent.iterdir()] == ["model.keras"]
    assert keras.saving.load_model(saved).name == "tiny"


def test_a_run_directory_means_its_model(saved):
    assert load_model(saved.parent)[1] == CARD


@pytest.mark.parametrize(
    ("channels", "activation", "classes"),
    [(1, "sigmoid", ("background", "foreground")), (2, "softmax", ("background", "foreground"))]
    + [(4, "softmax", ("class 0", "class 1", "class 2", "class 3"))],
)
def test_a_model_that_keras_saved_gets_a_card_from_its_channels(tmp_path, channels, activation, classes):
    network(channels, activation, size=(16, 24)).save(tmp_path / "plain.keras")
    _, card = load_model(tmp_path / "plain.keras")
    assert card.classes == classes
    assert len(card.palette) == len(classes)
    assert card.image_size == (16, 24)


def test_an_interrupted_save_keeps_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()
    monkeypatch.setattr(keras.Model, "save", lambda self, path: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(Exception, match="No space left"):
        save_model(network(), saved, CARD)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["model.keras"]


def refused(path, *words):
    with pytest.raises(UsageError) as error:
        load_model(path)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


def test_a_lambda_is_refused_and_never_runs(tmp_path):
    canary = tmp_path / "ran"
    inputs = keras.Input((None, None, 3))
    code = eval(f"lambda x: (open({str(canary)!r}, 'w').close(), x)[1]")
    outputs = keras.layers.Conv2D(1, 1)(keras.layers.Lambda(code, output_shape=(None, None, 3))(inputs))
    model = keras.Model(inputs, outputs)
    canary.unlink(missing_ok=True)
    model.save(tmp_path / "evil.keras")
    refused(tmp_path / "evil.keras", "Lambda", "run code")
    assert not canary.exists()


def test_keras_safe_mode_stays_on(tmp_path, monkeypatch):
    network().save(tmp_path / "a.keras")
    seen = {}
    monkeypatch.setattr(keras.saving, "load_model", lambda path, **options: seen.update(options) or network())
    load_model(tmp_path / "a.keras")
    assert seen["safe_mode"] is True


def test_a_missing_file(tmp_path):
    refused(tmp_path / "nothing.keras", "does not exist", "nothing.keras")


def test_a_run_without_model(tmp_path):
    refused(tmp_path, "model.keras", "not finished")


def test_another_suffix(tmp_path):
    path = tmp_path / "weights.h5"
    path.write_bytes(b"x")
    refused(path, "weights.h5", ".keras")


@pytest.mark.parametrize("content", [b"", b"this is no archive"])
def test_no_archive(tmp_path, content):
    path = tmp_path / "a.keras"
    path.write_bytes(content)
    refused(path, f"({len(content)} bytes)", "no .keras file")


def test_every_truncation_is_refused(saved):
    content = saved.read_bytes()
    for keep in (10, len(content) // 2, len(content) - 1):
        saved.write_bytes(content[:keep])
        refused(saved, "save it again")


def test_flipped_bytes_are_noticed(saved):
    content = bytearray(saved.read_bytes())
    with zipfile.ZipFile(saved) as archive:
        inside = archive.getinfo("model.weights.h5").header_offset + 2000
    content[inside] ^= 0xFF
    saved.write_bytes(content)
    refused(saved, "damaged at model.weights.h5")


def test_an_archive_of_something_else(tmp_path):
    path = tmp_path / "photos.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "hello")
    refused(path, "no Keras model")


def test_an_unknown_layer(saved):
    rewrite(saved, "config.json", lambda config: config.replace('"Conv2D"', '"NoSuchLayer"'))
    refused(saved, "cannot be loaded", "NoSuchLayer")


@pytest.mark.parametrize("value_range", [[0], [5, 5], [0, float("inf")], "no", [float("nan"), 1]])
def test_a_card_with_a_range_that_is_none_is_refused(tmp_path, value_range):
    save_model(network(), tmp_path / "a.keras", dataclasses.replace(CARD, value_range=value_range))
    with pytest.raises(UsageError, match="is not a model card"):
        load_model(tmp_path / "a.keras")


@pytest.mark.parametrize("card", ["{}", "[]", "not json", '{"classes": 3, "palette": 4}'])
def test_a_card_that_is_none(saved, card):
    rewrite(saved, "kseg.json", lambda _: card)
    refused(saved, "kseg.json")


def test_a_card_for_other_classes(saved):
    def two_classes(text):
        return json.dumps({**json.loads(text), "classes": ["a", "b"], "palette": [[0, 0, 0], [1, 1, 1]]})

    rewrite(saved, "kseg.json", two_classes)
    refused(saved, "3 output channels", "a, b")


def test_a_classifier_is_no_segmentation_model(tmp_path):
    inputs = keras.Input((8, 8, 3))
    keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs)).save(tmp_path / "a.keras")
    refused(tmp_path / "a.keras", "no segmentation model")


def test_gray_input_is_refused(tmp_path):
    inputs = keras.Input((8, 8, 1))
    keras.Model(inputs, keras.layers.Conv2D(1, 1)(inputs)).save(tmp_path / "a.keras")
    refused(tmp_path / "a.keras", "1 channel ", "RGB")


def test_saving_checks_suffix_and_card(tmp_path):
    with pytest.raises(UsageError, match=r"model\.keras"):
        save_model(network(), tmp_path / "model.h5", CARD)
    with pytest.raises(UsageError, match="4 output channels"):
        save_model(network(4), tmp_path / "model.keras", CARD)


def rewrite(path, member, change):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[member] = change(members[member].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
