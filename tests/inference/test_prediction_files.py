"""Which files `kseg predict` reads, and which it writes."""

import numpy as np
import pytest
from PIL import Image

from kseg.datasets.images import probability_strips, resize_probabilities
from kseg.errors import Failure, UsageError
from kseg.inference import ImageFile, ModelCard, collect_images, write_prediction
from kseg.inference.files import check_outputs, left_out

CARD = ModelCard(classes=("background", "thing"), palette=((0, 0, 0), (10, 200, 30)))
THREE = ModelCard(classes=("sky", "road / way", "car"), palette=((0, 0, 0), (1, 2, 3), (4, 5, 6)))


@pytest.fixture
def photos(tmp_path):
    for name in ("b.jpg", "a.png", ".hidden.png", "notes.txt", "deep/c.JPG", "deep/a.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"x")
    return tmp_path / "photos"


def names(files):
    return [file.path.name for file in files]


def test_files_folders_and_patterns(photos):
    assert names(collect_images([photos])) == ["a.png", "b.jpg"]
    assert names(collect_images([photos / "b.jpg", photos])) == ["b.jpg", "a.png"]
    assert names(collect_images([str(photos / "**" / "*.[jJ][pP][gG]")])) == ["b.jpg", "c.JPG"]
    assert names(collect_images([photos / "notes.txt"])) == ["notes.txt"]  # named by hand: the decoder has the say
    assert [file.stem for file in collect_images([photos])] == ["a", "b"]


def test_an_odd_name_that_looks_like_a_pattern_is_a_file(tmp_path):
    (tmp_path / "img[1].png").write_bytes(b"x")
    assert names(collect_images([tmp_path / "img[1].png"])) == ["img[1].png"]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([], "no image given"),
        (["missing.png"], "missing.png does not exist"),
        (["*.bmp"], "no image matches"),
        (["empty"], "holds no image"),
        (["a.png", "deep/a.png"], "would both be written as a.png"),
    ],
)
def test_what_names_nothing_is_refused(photos, inputs, words):
    (photos / "empty").mkdir()
    with pytest.raises(UsageError, match=words):
        collect_images([photos / name for name in inputs])


def test_a_mask_is_a_palette_png_of_ids(tmp_path):
    probabilities = np.array([[[0.2], [0.5], [0.9]]], np.float32)
    (path,) = write_prediction(tmp_path / "out", "x", probabilities, CARD)
    with Image.open(path) as image:
        assert (path.name, image.mode) == ("x.png", "P")
        assert np.array(image).tolist() == [[0, 1, 1]]
        assert np.array(image.convert("RGB"))[0, 1].tolist() == [10, 200, 30]
    (path,) = write_prediction(tmp_path / "out", "x", probabilities, CARD, threshold=0.6)
    with Image.open(path) as image:
        assert np.array(image).tolist() == [[0, 0, 1]]


def test_overlay_and_probabilities_on_request(tmp_path):
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), (4, 5)).astype(np.float32)
    image = np.full((4, 5, 3), 128, np.uint8)
    written = write_prediction(tmp_path, "x", probabilities, THREE, image=image, save_probabilities="npy")
    assert [path.name for path in written] == ["x.png", "x_overlay.png", "x_probabilities.npy"]
    np.testing.assert_array_equal(np.load(written[-1]), probabilities)
    with Image.open(written[1]) as overlaid:
        assert overlaid.size == (5, 4)
    *_, last = write_prediction(tmp_path, "y", probabilities, THREE, save_probabilities="png")
    assert sorted(path.name for path in tmp_path.glob("y_*")) == [
        "y_probability_car.png", "y_probability_road___way.png", "y_probability_sky.png",
    ]  # fmt: skip
    with Image.open(last) as gray:
        np.testing.assert_allclose(np.array(gray) / 65535, probabilities[..., 2], atol=1e-5)


def test_an_image_is_never_overwritten_by_its_mask(tmp_path):
    (tmp_path / "a.png").write_bytes(b"the original")
    with pytest.raises(UsageError, match="would be overwritten"):
        write_prediction(tmp_path, "a", np.zeros((2, 2, 1), np.float32), CARD, inputs=[tmp_path / "a.png"])
    assert (tmp_path / "a.png").read_bytes() == b"the original"


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match="cannot write"):
        write_prediction(tmp_path / "file" / "out", "x", np.zeros((2, 2, 1), np.float32), CARD)


def test_an_unknown_format_of_probabilities_is_refused(tmp_path):
    with pytest.raises(UsageError, match="'tiff'"):
        write_prediction(tmp_path, "x", np.zeros((2, 2, 1), np.float32), CARD, save_probabilities="tiff")


def test_what_a_folder_holds_besides_images_is_said(photos, tmp_path):
    (photos / "IMG_1.CR2").write_bytes(b"x")
    files, folders = left_out([photos])
    assert "2 files (IMG_1.CR2, notes.txt)" in files and "1 folder (deep)" in folders
    assert left_out([photos / "a.png", str(photos / "*.png")]) == []
    (photos / "x.HEIC").write_bytes(b"x")  # an image, which will be reported as one that cannot be read
    assert "x.HEIC" in names(collect_images([photos]))


@pytest.mark.parametrize(
    ("inputs", "options", "refused"),
    [
        (["x.png", "x_overlay.png"], {"overlays": True}, "x_overlay.png would be written for both"),
        (["x.png", "x_overlay.png"], {"overlays": False}, None),
        (["x.png", "x_probability_car.png"], {"save_probabilities": "png"}, "x_probability_car.png would be written"),
        (["x.png", "X_overlay.png"], {"overlays": True}, "would be written for both"),  # one file on Windows and macOS
    ],
)
def test_no_output_overwrites_another(tmp_path, inputs, options, refused):
    files = [ImageFile(tmp_path / name, name.removesuffix(".png")) for name in inputs]
    arguments = {"overlays": False, "save_probabilities": None} | options
    if refused is None:
        check_outputs(files, tmp_path / "out", THREE, **arguments)
    else:
        with pytest.raises(UsageError, match=refused):
            check_outputs(files, tmp_path / "out", THREE, **arguments)


def test_stems_that_differ_in_capitals_or_accents_alone_are_refused(tmp_path):
    for folder, name in (("a", "É.png"), ("b", "e\u0301.png")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(b"x")
    with pytest.raises(UsageError, match="would both be written"):
        collect_images([tmp_path / "a", tmp_path / "b"])


def test_an_image_is_not_overwritten_under_another_name_of_it(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"the original")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "photo.png").hardlink_to(tmp_path / "photo.jpg")
    with pytest.raises(UsageError, match="would be overwritten"):
        check_outputs(
            collect_images([tmp_path / "photo.jpg"]), tmp_path / "out", CARD, overlays=False, save_probabilities=None
        )


def test_classes_whose_names_are_one_file_name_have_a_file_each(tmp_path):
    card = ModelCard(classes=("a", "b/c", "b c"), palette=((0, 0, 0), (1, 2, 3), (4, 5, 6)))
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), (4, 5)).astype(np.float32)
    write_prediction(tmp_path, "x", probabilities, card, save_probabilities="png")
    assert sorted(path.name for path in tmp_path.glob("x_*")) == [
        "x_probability_0_a.png", "x_probability_1_b_c.png", "x_probability_2_b_c.png",
    ]  # fmt: skip
    with Image.open(tmp_path / "x_probability_1_b_c.png") as gray:
        np.testing.assert_allclose(np.array(gray) / 65535, probabilities[..., 1], atol=1e-5)


def test_strips_give_what_the_whole_gives(tmp_path):
    """To the bit: 37 × 53 from 8 × 9, a row at a time."""
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), (8, 9)).astype(np.float32)
    whole = resize_probabilities(probabilities, (37, 53))
    strips = list(probability_strips(probabilities, (37, 53), strip_bytes=1))
    assert len(strips) == 37
    np.testing.assert_array_equal(np.concatenate([strip for _, strip in strips]), whole)
    image = rng.integers(0, 256, (37, 53, 3), dtype=np.uint8)
    mask, _, array = write_prediction(
        tmp_path, "x", probabilities, THREE, size=(37, 53), image=image, save_probabilities="npy"
    )
    with Image.open(mask) as labels:
        np.testing.assert_array_equal(np.array(labels), whole.argmax(-1))
    np.testing.assert_array_equal(np.load(array), whole)
