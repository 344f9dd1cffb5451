"""Reading weights files: every layout that is out there, and every way a file can be broken."""

import zipfile

import h5py
import keras
import numpy as np
import pytest
from permissions import ordinary_user
from weight_files import compressed, write_keras2, write_npz

from kseg.encoders import read_weights
from kseg.errors import Failure, UsageError

KERNEL = np.arange(6, dtype="float32").reshape(2, 3)
BIAS = np.array([7, 8, 9], "float32")
DENSE = {"dense": {"kernel": KERNEL, "bias": BIAS}}


def keras3_file(path):
    """What `save_weights` writes today, of a network with a layer without weights and one whose class counts."""
    network = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3, name="dense"), keras.layers.ReLU(), keras.layers.Dense(1, name="top")]
    )
    network.get_layer("dense").set_weights([KERNEL, BIAS])
    (network.save if path.name == "whole.h5" else network.save_weights)(path)
    return path


WRITERS = {
    "weights.npz": lambda path: write_npz(path, DENSE),
    "of.weights.h5": keras3_file,
    "keras2.h5": lambda path: write_keras2(path, DENSE),
    "model.h5": lambda path: write_keras2(path, DENSE, inside="model_weights"),
    "whole.h5": keras3_file,  # the legacy format, by Keras itself
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "xz"])
@pytest.mark.parametrize("name", WRITERS)
def test_reads_every_layout(name, packed, tmp_path):
    path = WRITERS[name](tmp_path / name)
    weights = read_weights(compressed(path) if packed else path)
    assert "dense" in weights and set(weights) <= {"dense", "top"}
    names = ("kernel", "bias") if name == "weights.npz" else ("0", "1")
    assert tuple(weights["dense"]) == names
    for found, expected in zip(weights["dense"].values(), (KERNEL, BIAS), strict=True):
        np.testing.assert_array_equal(found, expected)


def nameless_keras3(path):
    """What Keras 3 wrote before 3.8: the classes of the layers, counted, but not their names."""
    with h5py.File(keras3_file(path), "a") as file:
        file.visititems(lambda _, entry: entry.attrs.clear())
    return path


def loose_arrays(path):
    with h5py.File(path, "w") as file:
        file["kernel"], file["bias"] = KERNEL, BIAS
    return path


@pytest.mark.parametrize(("write", "place"), [(nameless_keras3, "layers/dense/vars/0"), (loose_arrays, "bias, kernel")])
def test_arrays_without_layer_names(write, place, tmp_path):
    path = write(tmp_path / "old.weights.h5")
    with pytest.raises(UsageError, match=rf"not name the layers of its arrays \({place}.*as \.npz") as caught:
        read_weights(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_path_may_be_a_string(tmp_path):
    assert set(read_weights(str(write_npz(tmp_path / "w.npz", DENSE)))) == {"dense"}


def assert_one_sentence(error, path):
    assert str(path) in str(error)
    assert "\n" not in str(error)
    assert "--weights none" in str(error) or "wanted" in str(error) or "permissions" in str(error)


@pytest.mark.parametrize("name", ["w.npz", "w.h5", "w.weights.h5", "w.npz.xz", "w.h5.xz"])
@pytest.mark.parametrize("damage", ["empty", "noise", "half"])
def test_damaged_files(name, damage, tmp_path):
    plain = name.removesuffix(".xz")
    write = WRITERS["of.weights.h5" if "h5" in plain else "weights.npz"]
    path = write(tmp_path / ("whole.weights.h5" if "h5" in plain else plain))
    whole = (compressed(path) if name.endswith(".xz") else path).read_bytes()
    path = tmp_path / name
    path.write_bytes({"empty": b"", "noise": b"<html>404</html>" * 20, "half": whole[: len(whole) // 2]}[damage])
    with pytest.raises(Failure, match="is damaged") as caught:
        read_weights(path)
    assert caught.value.exit_code == 1
    assert_one_sentence(caught.value, path)


def test_compressed_archive_with_flipped_bytes(tmp_path):
    path = tmp_path / "w.npz"
    np.savez_compressed(path, **{"dense/kernel": np.random.default_rng(0).normal(size=3000)})
    content = path.read_bytes()
    for place in range(200, len(content) - 200, len(content) // 7):
        flipped = bytes(byte ^ 0xFF for byte in content[place : place + 9])
        path.write_bytes(content[:place] + flipped + content[place + 9 :])
        with pytest.raises(Failure, match="is damaged"):
            read_weights(path)


def test_files_that_open_but_hold_something_else(tmp_path):
    single = tmp_path / "single.npz"
    with single.open("wb") as file:
        np.save(file, KERNEL)
    objects = tmp_path / "objects.npz"  # could run code when unpickled
    np.savez(objects, **{"dense/kernel": np.array([{"a": 1}], dtype=object)})
    text = tmp_path / "text.npz"
    with zipfile.ZipFile(text, "w") as archive:
        archive.writestr("readme.txt", "hello")
    unnamed = tmp_path / "unnamed.h5"
    with h5py.File(unnamed, "w") as file:
        file.attrs["layer_names"] = ["dense"]
        file.create_group("dense")
    reasons = {single: "one array", objects: "allow_pickle", text: "readme.txt", unnamed: "weight_names"}
    for path, why in reasons.items():
        with pytest.raises(Failure, match=why) as caught:
            read_weights(path)
        assert_one_sentence(caught.value, path)


@pytest.mark.parametrize("name", ["w.pt", "w.keras", "weights", "w.xz", "w.npz.gz"])
def test_unknown_kind_names_the_known_ones(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"x")
    with pytest.raises(UsageError, match=r"of an unknown kind; wanted .weights.h5, .h5 or .npz, each also with .xz"):
        read_weights(path)


@pytest.mark.parametrize("name", ["missing.npz", "imagnet", "no/such/folder/w.h5"])
def test_missing_file_names_the_alternatives(name, tmp_path):
    with pytest.raises(UsageError, match="there is no weights file .*pass --weights none, imagenet or") as caught:
        read_weights(tmp_path / name)
    assert caught.value.exit_code == 2


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(UsageError, match="there is no weights file"):
        read_weights(tmp_path / "folder.h5")


@pytest.mark.parametrize("locked", ["file", "folder"])
def test_no_permission(locked, tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    path = write_npz(folder / "w.npz", DENSE)
    (path if locked == "file" else folder).chmod(0)
    sentence = "may not be read: Permission denied; change its permissions"
    try:
        with ordinary_user(), pytest.raises(Failure, match=sentence) as caught:
            read_weights(path)
    finally:
        folder.chmod(0o700)
    assert_one_sentence(caught.value, path)
