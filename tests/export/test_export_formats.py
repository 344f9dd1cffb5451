"""Each format: written, reloaded without kseg, equal to the Keras model at several sizes; and what goes wrong."""

import json
import sys

import keras
import numpy as np
import onnxruntime
import pytest
import warm
from exported_network import Card, tiny_model
from narrow import light

from kseg.datasets.images import resize_image
from kseg.errors import Failure, UsageError
from kseg.export import FORMATS, default_path, export_model
from kseg.export.comparison import check_shapes, compared
from kseg.export.onnx_file import load as load_onnx
from kseg.export.resampling import shrink_or_enlarge
from kseg.export.serving import in_float32
from kseg.inference import predict_probabilities
from kseg.models import build


@pytest.fixture
def card():
    return Card()


@pytest.fixture(scope="module")
def model():
    return tiny_model()


NAMES = {"saved_model": "face", "onnx": "face.onnx", "litert": "face.tflite"}


def export(model, card, folder, format, **options):
    return export_model(model, card, folder / NAMES[format], format, **options)


@pytest.mark.parametrize("format", FORMATS)
def test_an_image_at_its_own_size_gets_the_mask_that_predict_gives(format, card, tmp_path):
    model = tiny_model(channels=3)
    report = export(model, card, tmp_path, format)
    assert report.max_difference < 1e-5 and report.path.exists() and report.bytes > 1000
    assert "any height and width" in report.note and "resized to 32 × 48 and back" in report.note
    assert f"{report.max_difference:.1e}" in str(report)
    run = FORMATS[format].implementation().load(report.path)
    # enlarged, shrunk, both, and so tall that Pillow shortens the columns first
    for size in ((20, 31), (70, 90), (24, 200), (130, 40)):
        image = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
        (expected,) = predict_probabilities(model, [image], card.image_size)
        probabilities = run(image[None])[0]
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)
        np.testing.assert_array_equal(probabilities.argmax(-1), expected.argmax(-1))
        np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)
    batch = np.zeros((3 if FORMATS[format].batches else 1, 17, 29, 3), np.uint8)
    assert run(batch).shape == (*batch.shape[:3], 3)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("unet", "onnx"),
        *((name, format) for name in ("segnet", "segnet_basic", "unet2015") for format in ("onnx", "litert")),
    ],
)
def test_a_network_of_ours_is_exported(name, format, card, tmp_path):
    """SegNet's pool indices among them, at 32 × 48, whose deepest map has one row, and U-Net's mirrored border."""
    assert export(build(name, base_width=4), card, tmp_path, format).max_difference < 1e-5


@pytest.mark.parametrize("format", FORMATS)
def test_pyramid_pooling_is_exported(format, card, tmp_path):
    """PSPNet's means over parts of a map of 4 × 8 positions, which 3 and 6 parts do not divide."""
    assert export(light("pspnet", auxiliary=0.0), card, tmp_path, format).max_difference < 1e-5


@pytest.mark.parametrize(
    ("old", "new"),
    [((48, 64), (22, 22)), ((30, 41), (64, 50)), ((90, 30), (16, 50)), ((300, 20), (20, 20)), ((9, 9), (9, 9))],
)
def test_the_graph_resizes_as_pillow_does(old, new):
    image = np.random.default_rng(0).integers(0, 256, (*old, 3), dtype=np.uint8)
    np.testing.assert_array_equal(shrink_or_enlarge(image[None], *new).numpy()[0], resize_image(image, new))


@pytest.mark.parametrize("format", FORMATS)
def test_the_card_goes_with_the_export(format, model, card, tmp_path):
    report = export(model, card, tmp_path, format)
    beside = f"{NAMES[format]}.card.json"
    written = json.loads((report.path / "card.json" if format == "saved_model" else tmp_path / beside).read_text())
    assert written["classes"] == ["background", "face"] and written["palette"][1] == [230, 159, 0]
    assert written["image_size"] == [32, 48] and "face" in written["output"]
    assert written["network_height_width"] == [32, 48] and written["input_height_width"] == ["any", "any"]
    assert written["input_range"] == [0, 255] and "0.5" in written["decision"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        {report.path.name} | ({beside} if format != "saved_model" else set())
    )
    if format == "onnx":
        session = onnxruntime.InferenceSession(report.path, providers=["CPUExecutionProvider"])
        metadata = session.get_modelmeta().custom_metadata_map
        assert json.loads(metadata["classes"]) == ["background", "face"]
        assert json.loads(metadata["network_height_width"]) == [32, 48] and "RGB" in metadata["input"]


def test_what_rounding_explains_is_measured_against_float64():
    """A float32 sum of a hundred canceling numbers of 1e4 is wrong by about 1e-4; no larger error is allowed."""
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(200, 1, name="wide")(image)
    x = keras.layers.Conv2D(1, 1, activation="sigmoid", name="score")(x)
    ill = keras.Model(image, x)
    wide = np.random.default_rng(0).normal(0, 100, (1, 1, 3, 100))
    ill.get_layer("wide").set_weights([np.concatenate([wide, -wide * (1 - 1e-6)], -1), np.zeros(200)])
    ill.get_layer("score").set_weights([np.ones((1, 1, 200, 1)), np.zeros(1)])
    _, granted = compared(ill, lambda images: ill(images.astype(np.float32)).numpy(), [(1, 8, 8)], None)
    _, least = compared(tiny_model(), lambda images: np.zeros((*images.shape[:3], 1), np.float32), [(1, 8, 8)], None)
    assert least == pytest.approx(1e-5) and 1e-4 < granted <= 1e-3


def test_the_bare_network_resizes_nothing(model, card, tmp_path):
    assert "48 pixels (height × width)" in export(model, card, tmp_path, "litert", any_size=True).note
    report = export(model, card, tmp_path, "onnx", any_size=True)
    assert "any height and width" in report.note and "Nothing is resized" in report.note
    image = np.random.default_rng(0).integers(0, 256, (1, 50, 61, 3), dtype=np.uint8)
    np.testing.assert_allclose(load_onnx(report.path)(image), model(image.astype(np.float32)), atol=1e-5)


def test_a_run_that_was_fed_images_as_they_are_is_exported_so(model, tmp_path):
    report = export(model, Card(input_size="original"), tmp_path, "onnx")
    assert "Nothing is resized" in report.note


def test_a_model_of_fixed_size_takes_any(card, tmp_path):
    report = export(tiny_model(size=(32, 48)), card, tmp_path, "onnx")
    assert "resized to 32 × 48" in report.note
    assert load_onnx(report.path)(np.zeros((2, 20, 70, 3), np.uint8)).shape == (2, 20, 70, 1)
    with pytest.raises(UsageError, match="32×48 pixels only, not 64×64"):
        export(tiny_model(size=(32, 48)), card, tmp_path, "litert", image_size=(64, 64))


def test_two_sizes_are_compared_where_sizes_vary():
    assert check_shapes((None, None), (224, 224)) == [(1, 224, 224), (2, 169, 231)]
    assert check_shapes((32, 48), (32, 48)) == [(1, 32, 48)]


def test_litert_without_a_size_wants_one(model, tmp_path):
    card = Card(image_size=None)
    with pytest.raises(UsageError, match="--image-size H W"):
        export(model, card, tmp_path, "litert")
    assert "24 × 40" in export(model, card, tmp_path, "litert", image_size=(24, 40)).note
    assert "multiples of 32" in export(model, card, tmp_path, "onnx").note


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float16"])
def test_the_twin_of_half_precision_computes_in_float32(dtype):
    model = tiny_model(dtype=dtype)
    twin = in_float32(model)
    assert {layer.compute_dtype for layer in twin.layers} == {"float32"}
    for half, full in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(half, full)


def test_half_precision_is_exported(card, tmp_path):
    model = tiny_model(dtype="mixed_bfloat16")
    report = export(model, card, tmp_path, "onnx")
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 48, 3), dtype=np.uint8)
    # bfloat16 keeps 8 bits: 2⁻⁸ relative, on a few chained operations
    np.testing.assert_allclose(load_onnx(report.path)(image), model.predict(image, verbose=0), atol=0.03)


def test_float32_is_exported_as_it_is(model):
    assert in_float32(model) is model


def test_saved_model_serves_without_kseg(model, card, tmp_path):
    path = export(model, card, tmp_path, "saved_model", any_size=True).path
    program = f"""
import sys
sys.modules["kseg"] = None  # importing it now raises
import numpy as np, tensorflow as tf
images = np.full((2, 20, 31, 3), 77, np.uint8)
loaded = tf.saved_model.load({str(path)!r})
print(loaded.signatures["serving_default"](images=tf.constant(images))["probabilities"].numpy().sum())
assert loaded.serve(images)["probabilities"].shape == (2, 20, 31, 1)
"""
    done = warm.run(["-c", program])
    assert done.returncode == 0, done.stderr
    expected = model(np.full((2, 20, 31, 3), 77, np.float32)).numpy().sum()
    assert float(done.stdout) == pytest.approx(expected, rel=1e-5)


def test_nothing_is_overwritten_unasked(model, card, tmp_path):
    path = export(model, card, tmp_path, "saved_model").path
    (path / "mine.txt").write_text("a note")
    with pytest.raises(UsageError, match="--overwrite"):
        export(model, card, tmp_path, "saved_model")
    assert (path / "mine.txt").exists()
    export(model, card, tmp_path, "saved_model", overwrite=True)
    assert not (path / "mine.txt").exists() and (path / "saved_model.pb").exists()


def test_overwrite_spares_a_folder_that_is_no_export(model, card, tmp_path):
    (tmp_path / "face").mkdir()
    (tmp_path / "face" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="is no SavedModel export"):
        export(model, card, tmp_path, "saved_model", overwrite=True)
    assert (tmp_path / "face" / "thesis.txt").exists()


def test_an_export_that_differs_is_not_kept(model, card, tmp_path, monkeypatch):
    from kseg.export import saved_model

    monkeypatch.setattr(saved_model, "load", lambda path: lambda images: model(images * 0.9).numpy())
    with pytest.raises(Failure, match="differs from the Keras model"):
        export(model, card, tmp_path, "saved_model")
    assert list(tmp_path.iterdir()) == []


def test_nan_is_a_difference(model, card, tmp_path):
    broken = tiny_model()
    broken.get_layer(index=3).kernel.assign(np.full((3, 3, 3, 8), np.nan))
    with pytest.raises(Failure, match="nan"):
        export(broken, card, tmp_path, "saved_model")


def test_what_cannot_be_converted_is_one_sentence(card, tmp_path):
    class Python(keras.layers.Layer):
        def call(self, x):
            import tensorflow as tf

            return tf.ensure_shape(tf.py_function(lambda v: v, [x], tf.float32), x.shape)

    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.Conv2D(1, 1, activation="sigmoid")(Python()(image)))
    with pytest.raises(Failure, match="cannot be converted to ONNX"):
        export(model, card, tmp_path, "onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "format", "message"),
    [
        ("face.bin", "onnx", r"ends in \.onnx"),
        ("face.onnx", "litert", r"ends in \.tflite"),
        ("face.onnx", "saved_model", "folder"),
        ("face", "onxx", "did you mean 'onnx'"),
    ],
)
def test_misleading_names(name, format, message, model, card, tmp_path):
    with pytest.raises(UsageError, match=message):
        export_model(model, card, tmp_path / name, format)


def test_a_missing_package_is_named(model, card, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(UsageError, match=r"needs tf2onnx .* pip install 'kseg\[export\]'"):
        export(model, card, tmp_path, "onnx")


def test_a_folder_nobody_may_write_to(model, card, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match="cannot write"):
        export_model(model, card, tmp_path / "file" / "face", "saved_model")


def test_a_full_disk_is_not_taken_for_a_model_that_does_not_convert(model, card, tmp_path, monkeypatch):
    from kseg.export import saved_model

    def full(*_):
        raise RuntimeError("variables/part-0; No space left on device [Op:SaveV2]")

    monkeypatch.setattr(saved_model, "write", full)
    with pytest.raises(Failure, match="cannot write .*: No space left on device; make room"):
        export(model, card, tmp_path, "saved_model")
    assert list(tmp_path.iterdir()) == []


def test_not_an_image_model(card, tmp_path):
    x = keras.Input((4,))
    with pytest.raises(UsageError, match=r"one image \(N, H, W, 3\)"):
        export(keras.Model(x, keras.layers.Dense(1)(x)), card, tmp_path, "saved_model")


def test_default_names(tmp_path):
    assert default_path(tmp_path, "onnx") == tmp_path / "model.onnx"
    assert default_path(tmp_path / "face.keras", "litert") == tmp_path / "face.tflite"
    assert default_path(tmp_path / "face.keras", "saved_model") == tmp_path / "face_saved_model"
