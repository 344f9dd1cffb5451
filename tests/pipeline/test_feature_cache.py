"""The feature cache: what comes out is what the extractor made, once, whole or not at all."""

import json
import os
import shutil
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest
import warm
from tiny_encoder import tiny_network

from kseg.errors import Failure, UsageError
from kseg.pipeline import Augmentation, ImageSource, Order, batches, own_errors
from kseg.pipeline.feature_files import ahead, discard_abandoned
from kseg.pipeline.features import CachePlan, cache_bytes, cache_key, cached_features
from kseg.pipeline.frozen import split_frozen
from kseg.tasks.semantic import SemanticLoss
from kseg.training.trained import Objective, Trained

POLICIES = ["float32", "mixed_bfloat16", "mixed_float16"]


def network(policy="float32", seed=0):
    keras.config.set_dtype_policy(policy)
    try:
        model = tiny_network()
    finally:
        keras.config.set_dtype_policy("float32")
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.1, 0.5, w.shape).astype("float32") for w in model.weights])
    return model


@pytest.fixture
def source(drawn):
    return ImageSource(drawn, drawn.records("train"), (16, 16))


@pytest.fixture(scope="module")
def split():
    return split_frozen(network())


def cached(extractor, source, folder, **arguments):
    return cached_features(extractor, source, folder, progress=False, **arguments)


@pytest.mark.parametrize("policy", POLICIES)
def test_batches_are_the_extractors_output_bit_by_bit(policy, source, tmp_path):
    extractor = split_frozen(network(policy)).extractor
    features = cached(extractor, source, tmp_path, batch_size=4)
    whole = extractor.predict_on_batch(source.image_batch(np.arange(7)))
    for indices in [0, 1, 2], [6, 0, 3, 3]:
        got, targets = features.batch(np.array(indices), epoch=0)
        np.testing.assert_array_equal(targets["label"], source.target_batch(np.array(indices))["label"])
        for array, spec, expected in zip(got, features.signature.flat_inputs, whole, strict=True):
            assert array.dtype.name == spec.dtype == {"float32": "float32"}.get(policy, policy.removeprefix("mixed_"))
            assert array.shape[1:] == spec.shape
            # the batch has another size here than in the cache, which may change the order of a sum
            tolerance = 1e-5 if policy == "float32" else 2e-2
            np.testing.assert_allclose(array.astype("f4"), expected[indices].astype("f4"), rtol=tolerance, atol=1e-6)
    assert features.bytes == cache_bytes(extractor, 7)


@pytest.mark.parametrize("policy", POLICIES)
def test_tf_data_delivers_the_same_bits(policy, source, tmp_path):
    tf = pytest.importorskip("tensorflow")
    features = cached(split_frozen(network(policy)).extractor, source, tmp_path)
    order = Order(7, 3, seed=2)
    dataset = batches(features, 3, seed=2)
    assert [s.dtype.name for s in dataset.element_spec[0]] == [s.dtype for s in features.signature.flat_inputs]
    for step, (inputs, targets) in enumerate(dataset.take(4)):
        expected, expected_targets = features.batch(order.at(step)[1], 0)
        for tensor, array in zip(inputs, expected, strict=True):
            assert isinstance(tensor, tf.Tensor)
            np.testing.assert_array_equal(tensor.numpy().view(f"u{array.itemsize}"), array.view(f"u{array.itemsize}"))
        np.testing.assert_array_equal(targets["label"], expected_targets["label"])


def test_training_on_features_equals_training_on_images(source, tmp_path):
    """Four steps of Adam over two epochs: same losses, same weights within float tolerance."""
    losses, weights = [], []
    for use_features in (False, True):
        model = network()
        split = split_frozen(model)
        front = cached(split.extractor, source, tmp_path) if use_features else None
        trained, inputs = (Trained(split.head), front) if front else (Trained(model), source)
        objective = Objective(SemanticLoss("bce", reduction="mean"), [])
        trained.prepare(objective, optimizer=keras.optimizers.Adam(1e-2), jit_compile=False)
        history = trained.fit(batches(inputs, 4, seed=1), steps_per_epoch=2, epochs=2, shuffle=False, verbose=0)
        losses.append(history.history["loss"])
        weights.append(model.get_weights())
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    for left, right in zip(*weights, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-5)


def test_a_second_run_finds_the_features_and_decodes_no_image(split, source, drawn, tmp_path):
    first = cached(split.extractor, source, tmp_path)
    reads = drawn.image_reads
    second = cached(split.extractor, source, tmp_path)
    assert (first.reused, second.reused) == (False, True)
    assert first.path == second.path
    assert drawn.image_reads == reads
    assert "computed in" in str(first)
    assert "found" in str(second)


def test_the_key_follows_content_not_names(split, source, drawn):
    key = cache_key(split.extractor, source)
    assert key == cache_key(split_frozen(network()).extractor, source)  # built again, with other names from Keras
    assert key == cache_key(split.extractor, ImageSource(drawn, source.records, (16, 16), seed=5))
    others = [
        cache_key(split_frozen(network(seed=1)).extractor, source),  # other weights
        cache_key(split_frozen(network("mixed_bfloat16")).extractor, source),  # other precision
        cache_key(split.extractor, ImageSource(drawn, source.records[:-1], (16, 16))),  # other images
    ]
    model = network()
    model.get_layer("preprocess").offset = 0.0
    others.append(cache_key(split_frozen(model).extractor, source))  # other preprocessing
    drawn.version = "2"
    others.append(cache_key(split.extractor, source))  # files that changed
    assert len({key, *others}) == 6


def test_the_key_is_the_same_in_another_process(split, source, tmp_path):
    script = (
        "import keras; keras.layers.Dense(1); keras.Input((2,))\n"  # Keras has counted some names already
        "from conftest import Drawn; from test_feature_cache import network\n"
        "from kseg.pipeline import ImageSource; from kseg.pipeline.features import cache_key\n"
        "from kseg.pipeline.frozen import split_frozen\n"
        "network(); d = Drawn(); s = ImageSource(d, d.records('train'), (16, 16))\n"
        "print(cache_key(split_frozen(network()).extractor, s))"
    )
    done = warm.run(["-c", script], PYTHONPATH=os.pathsep.join([os.path.dirname(__file__), *sys.path]))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == cache_key(split.extractor, source)


def test_an_interrupted_computation_leaves_nothing(split, source, drawn, tmp_path):
    reader = drawn.image

    def interrupted(record):
        if record.id == "image5":
            raise KeyboardInterrupt
        return reader(record)

    drawn.image = interrupted
    with pytest.raises(KeyboardInterrupt):
        cached(split.extractor, source, tmp_path, batch_size=2)
    assert list(tmp_path.iterdir()) == []
    drawn.image = reader
    assert not cached(split.extractor, source, tmp_path).reused


def test_a_broken_image_is_named(split, source, drawn, tmp_path):
    def broken(record):
        raise OSError("truncated")

    drawn.image = broken
    with pytest.raises(Failure, match="cannot read image0 of drawn: truncated"):
        cached(split.extractor, source, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_a_running_one_writes_is_not(tmp_path):
    import socket

    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f".key.{socket.gethostname()}-{dead.pid}-ab12cd34.partial"
    ours = tmp_path / f".key.{socket.gethostname()}-{os.getpid()}-ab12cd34.partial"
    elsewhere = tmp_path / f".key.other-machine-{dead.pid}-ab12cd34.partial"
    for folder in (left, ours, elsewhere):
        folder.mkdir()
    discard_abandoned(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([ours, elsewhere])


def test_concurrent_writers_share_one_result(source, tmp_path):
    split = split_frozen(network())
    barrier, results, errors = threading.Barrier(2), [], []

    def image_batch(indices, *, keep):
        if indices[0] == 0:
            barrier.wait(timeout=30)  # both have found nothing and have begun
        return ImageSource.image_batch(source, indices, keep=keep)

    source.image_batch = image_batch

    def work():
        try:
            results.append(cached(split_frozen(network()).extractor, source, tmp_path, key="k", batch_size=3))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [path.name for path in tmp_path.iterdir()] == ["k"]
    for left, right in zip(*(r.batch(np.arange(7), 0)[0] for r in results), strict=True):
        np.testing.assert_array_equal(left, right)
    assert len(split.extractor.outputs) == len(results[0].signature.flat_inputs)


@pytest.mark.parametrize("damage", ["truncated", "no meta", "garbled meta"])
def test_a_damaged_cache_is_made_again(split, source, tmp_path, damage):
    path = cached(split.extractor, source, tmp_path).path
    expected = np.load(path / "feature_0.npy")
    if damage == "truncated":
        file = path / "feature_0.npy"
        file.write_bytes(file.read_bytes()[:-10])
    elif damage == "no meta":
        (path / "meta.json").unlink()
    else:
        (path / "meta.json").write_text("{")
    again = cached(split.extractor, source, tmp_path)
    assert not again.reused
    np.testing.assert_array_equal(np.load(path / "feature_0.npy"), expected)


def test_too_little_disk_is_said_before_anything_is_computed(split, source, drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 100, 0))
    with pytest.raises(Failure, match=r"needs 0\.0 GB and .* has 0\.0 GB free; pass --cache-features off"):
        cached(split.extractor, source, tmp_path)
    assert drawn.image_reads == 0
    assert CachePlan("auto", tmp_path).verdict(split, [source]).use is False


def test_a_disk_that_fills_up_is_one_sentence(split, source, tmp_path, monkeypatch):
    def full(self, features):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kseg.pipeline.features.FeatureWriter.append", full)
    with pytest.raises(Failure, match="cannot write the feature cache .*No space left on device"):
        cached(split.extractor, source, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_permission_is_one_sentence(split, source, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match="cannot write the feature cache"):
        cached(split.extractor, source, tmp_path / "file" / "features")


def test_augmented_or_unsized_images_cannot_be_cached(split, drawn, tmp_path):
    augmented = ImageSource(drawn, drawn.records("train"), (16, 16), Augmentation(color=0.2).transforms())
    with pytest.raises(UsageError, match="augmented images cannot be cached"):
        cached(split.extractor, augmented, tmp_path)
    with pytest.raises(UsageError, match="fixed image size"):
        cached(split.extractor, ImageSource(drawn, drawn.records("train")), tmp_path)


def test_labels_are_decoded_once_and_errors_come_out_as_themselves(split, source, drawn, tmp_path):
    features = cached(split.extractor, source, tmp_path)
    features.batch(np.arange(7), 0)
    features.batch(np.arange(7), 1)
    assert drawn.label_reads == 7

    def broken(record):
        raise Failure("mask has values {7, 9}")

    drawn.read_labels = broken
    fresh = cached(split.extractor, ImageSource(drawn, source.records, (16, 16)), tmp_path)
    pytest.importorskip("tensorflow")
    with pytest.raises(Failure, match="mask has values"), own_errors(fresh):
        list(batches(fresh, 2, shuffle=False))


def test_the_plan(split, source, drawn, tmp_path):
    augmented = ImageSource(drawn, source.records, (16, 16), Augmentation(color=0.2).transforms())
    unsized = ImageSource(drawn, source.records)
    auto, on, off = (CachePlan(mode, tmp_path / "not" / "yet") for mode in ("auto", "on", "off"))
    assert auto.verdict(split, [source, source]).use
    assert on.verdict(split, [source]).use
    assert not off.verdict(split, [source]).use
    for case, reason in [
        ((None, [source]), "no frozen front"),
        ((split, [source, augmented]), "augmentation"),  # beyond flips, of which there are only two forms
        ((split, [unsized]), "no fixed size"),
    ]:
        assert reason in auto.verdict(*case).reason
        assert not auto.verdict(*case).use
        with pytest.raises(UsageError, match=f"features cannot be cached: .*{reason}"):
            on.verdict(*case)
    needed = cache_bytes(split.extractor, 7)
    assert needed == 7 * (8 * 8 * 4 + 4 * 4 * 6) * 4  # the two tensors of the cut, float32
    assert CachePlan("auto", tmp_path, limit=needed).verdict(split, [source]).use
    assert not CachePlan("auto", tmp_path, limit=needed - 1).verdict(split, [source]).use
    assert CachePlan("on", tmp_path, limit=needed - 1).verdict(split, [source]).use


def test_the_folder_says_what_it_holds(split, source, tmp_path):
    path = cached(split.extractor, source, tmp_path).path
    meta = json.loads((path / "meta.json").read_text())
    assert meta["count"] == 7
    assert meta["tensors"] == [{"shape": [8, 8, 4], "dtype": "float32"}, {"shape": [4, 4, 6], "dtype": "float32"}]


def test_ahead_keeps_order_and_passes_errors_on():
    assert list(ahead(lambda i: i * i, range(20), depth=3)) == [i * i for i in range(20)]
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda i: 1 // (3 - i), range(20), depth=2))
