"""The best weights come back as written; a bad file is one sentence and changes nothing."""

import resource

import keras
import numpy as np
import pytest

from kseg.encoders import read_weights
from kseg.errors import Failure
from kseg.training.callbacks.overlays import open_events
from kseg.training.checkpoint import load_checkpoint, load_weights, save_checkpoint, save_weights


def network(width=3):
    return keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(width, name="fc"), keras.layers.BatchNormalization()]
    )


@pytest.fixture
def saved(tmp_path):
    model = network()
    save_weights(tmp_path / "best.npz", model)
    return model, tmp_path / "best.npz"


def test_weights_come_back_and_are_a_weights_file(saved):
    model, path = saved
    other = network()
    assert not np.array_equal(other.layers[0].kernel, model.layers[0].kernel)
    other.layers[0].name, other.layers[1].name = (layer.name for layer in model.layers)
    load_weights(path, other)
    for mine, theirs in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(read_weights(path)["fc"]["0"], model.get_weights()[0])


@pytest.mark.parametrize("damage", ["gone", "empty", "half", "other network"])
def test_what_does_not_come_back_changes_nothing(saved, damage):
    model, path = saved
    content = path.read_bytes()
    if damage == "other network":
        save_weights(path, network(4))
    elif damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2 if damage == "half" else 0])
    words = {"gone": "is gone", "other network": "belongs to another network"}.get(damage, "is broken")
    before = model.get_weights()
    with pytest.raises(Failure, match=rf"{words}.*remove {path.parent} to start this run from the beginning") as caught:
        load_weights(path, model)
    assert "\n" not in str(caught.value)
    assert all(map(np.array_equal, model.get_weights(), before))


def test_a_write_that_fails_leaves_the_earlier_weights(saved):
    """The system lets no file grow beyond 2 kB, as on a full disk."""
    _, path = saved
    content = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(Failure, match=f"cannot write {path}: .*; make room"):
            save_weights(path, network(width=1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_events_that_cannot_be_written_are_one_sentence(tmp_path):
    pytest.importorskip("tensorflow")
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match=r"cannot write TensorBoard events in .*; make room.*--no-tensorboard") as caught:
        open_events(tmp_path / "file" / "tensorboard")
    assert "\n" not in str(caught.value)


def test_a_checkpoint_with_groups_by_their_earlier_names_comes_back(tmp_path):
    trained, other = network(), network()
    for model in (trained, other):
        model.compile(optimizer="adam", loss="mse")
        model.optimizer.build(model.trainable_variables)
    trained.fit(np.ones((4, 2)), np.ones((4, 3)), verbose=0)
    save_checkpoint(tmp_path / "last.npz", trained, trained, {"entries": [{"epoch": 1}]})
    with np.load(tmp_path / "last.npz") as arrays:
        earlier = {name.replace("optimizer/", "optimiser/"): arrays[name] for name in arrays}
    assert "optimiser/0000" in earlier
    np.savez(tmp_path / "earlier.npz", **earlier)
    assert load_checkpoint(tmp_path / "earlier.npz", other, other)["entries"] == [{"epoch": 1}]
    for mine, theirs in zip(other.optimizer.variables, trained.optimizer.variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(mine), keras.ops.convert_to_numpy(theirs))
