"""Prediction tile by tile: the whole image again, as a stream; and the mean over mirror images, turns and sizes."""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from kseg.cli.main import main
from kseg.datasets.images import Streamed, read_by_rows, resize_image, resize_probabilities
from kseg.errors import UsageError
from kseg.inference import ModelCard, Predictor, write_prediction
from kseg.inference.augmented import Augmented, augmentations
from kseg.inference.joint import Member, joint_card, predict_joint
from kseg.inference.predict import forward
from kseg.inference.tiled import streamed, tiling_for
from kseg.models import build
from kseg.models.unet2015 import margin
from kseg.postprocess import Tiling

CARD = ModelCard(("background", "a", "b"), ((0, 0, 0), (255, 0, 0), (0, 255, 0)))


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def pointwise(channel=0, size=(None, None), channels=1):
    """p = one color channel / 255, in each of the output channels but for a constant."""
    image = keras.Input((*size, 3))
    layer = keras.layers.Conv2D(channels, 1)
    model = keras.Model(image, layer(image))
    kernel = np.zeros((1, 1, 3, channels), np.float32)
    kernel[0, 0, channel] = 1 / 255 / np.arange(1, channels + 1)
    layer.set_weights([kernel, np.zeros(channels, np.float32)])
    return model


def leftward():
    """p of a pixel is the red of its left neighbor, so that mirroring and turning change p."""
    image = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(1, 3, padding="same", use_bias=False)
    model = keras.Model(image, layer(image))
    kernel = np.zeros((3, 3, 3, 1), np.float32)
    kernel[1, 0, 0, 0] = 1 / 255
    layer.set_weights([kernel])
    return model


def tiled(model, image, tiling, **settings):
    (outputs,) = Predictor(model, "original", tiling=tiling, **settings).outputs([image])
    assert isinstance(outputs, Streamed)
    return np.asarray(outputs)


def whole(model, image, **settings):
    (outputs,) = Predictor(model, "original", **settings).outputs([image])
    return outputs


@pytest.mark.parametrize(("name", "radius"), [("unet", 48), ("unet2015", 44 + 7)])
def test_a_networks_tiles_are_the_whole_image(name, radius):
    """Tiles agree if the receptive field fits into half of the overlap, and differ with a smaller overlap."""
    keras.utils.set_random_seed(0)
    options = {"unet2015": {"depth": 3, "base_width": 4}, "unet": {"base_width": 4}}[name]
    model, image = build(name, num_classes=3, **options), picture(70, 290)
    expected = whole(model, image)
    assert expected.std() > 1e-3
    found = tiled(model, image, Tiling(2 * radius + 32, 2 * radius, "none"), batch_size=2)
    assert_allclose(found, expected, atol=1e-5)
    short = tiled(model, image, Tiling(2 * radius + 32, 0, "none"), batch_size=2)
    assert np.abs(short - expected).max() > 1e-3


def exact(model, seed=1):
    """Small integer weights: every sum is an integer that float32 holds exactly, in any order of adding."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if not hasattr(layer, "kernel"):
            continue
        kernel, bias = layer.get_weights()
        transposed = isinstance(layer, keras.layers.Conv2DTranspose)  # whose kernel is (2, 2, out, in)
        by_output = kernel.reshape(-1, kernel.shape[-1]) if transposed else kernel.reshape(-1, kernel.shape[-1]).T
        by_output[:] = 0
        for weights in by_output:
            places = rng.permutation(len(weights))[:4]
            weights[places] = [2, 1, 1, -1][: len(places)]
        layer.set_weights(
            [by_output.reshape(kernel.shape) if transposed else by_output.T.reshape(kernel.shape), 0 * bias]
        )
    return model


def test_unet2015_in_tiles_is_the_whole_image_to_the_bit():
    """Overlap-tile strategy: the part of a tile that its own mirrored border reaches is left out."""
    model = exact(build("unet2015", activation=None, base_width=4, depth=2))
    image = 255 * (picture(150, 211) > 127).astype(np.uint8)
    tiling = tiling_for(model, 128, blend="none")
    assert tiling.overlap == 2 * (margin(2) + 3) == 46 and len(tiling.spans(211)) == 3

    run = forward(model)
    expected = run(image[None])[0]
    assert np.abs(expected).max() < 2**24 and len(np.unique(expected)) > 50
    assert_array_equal(expected, np.rint(expected))
    assert_array_equal(np.asarray(streamed(model, tiling, image, run, batch_size=2)), expected)
    short = Tiling(128, 0, "none")
    assert not np.array_equal(np.asarray(streamed(model, short, image, run, batch_size=2)), expected)


def test_the_overlap_suits_the_network():
    model = pointwise()
    assert tiling_for(model, 512).overlap == 128 and tiling_for(model, 512, overlap=3).overlap == 3
    assert tiling_for(model, 512, scales=(0.5, 0.75, 1)).alignment == 128
    for scales, least in ((), 42), ((0.5, 1), 85), ((0.5, 0.75, 1), 170):
        with pytest.raises(UsageError, match=rf"larger tiles \(at least {least}\)"):
            tiling_for(model, 32, scales=scales)
        with pytest.raises(UsageError, match=rf"at least {least}\)"):
            tiling_for(model, least - 1, scales=scales)
        assert tiling_for(model, least, scales=scales).step == tiling_for(model, least, scales=scales).alignment


def test_a_model_of_one_size_takes_tiles_of_that_size():
    image = picture(70, 100)
    model = pointwise(size=(64, 64))
    found = tiled(model, image, Tiling(64, 16))
    assert_allclose(found[..., 0], image[..., 0] / 255, atol=1e-6)
    with pytest.raises(UsageError, match="64×64 pixels only, not tiles of 96; pass --tiles 64"):
        list(Predictor(model, tiling=Tiling(96, 16)).outputs([image]))
    with pytest.raises(UsageError, match="tiles are square"):
        list(Predictor(pointwise(size=(64, 32)), tiling=Tiling(64, 16)).outputs([image]))


def test_what_is_written_of_a_stream_is_what_is_written_of_an_array(tmp_path):
    image, model = picture(70, 150), pointwise(channels=3)
    (stream,) = Predictor(model, tiling=Tiling(64, 16)).outputs([image])
    for kind in ("npy", "png"):
        for name, outputs in (("stream", stream), ("array", np.asarray(stream))):
            write_prediction(tmp_path / kind / name, "x", outputs, CARD, image=image, save_probabilities=kind)
        files = sorted(path.name for path in (tmp_path / kind / "array").iterdir())
        assert len(files) == {"npy": 3, "png": 5}[kind]
        assert files == sorted(path.name for path in (tmp_path / kind / "stream").iterdir())
        for file in files:
            assert (tmp_path / kind / "stream" / file).read_bytes() == (tmp_path / kind / "array" / file).read_bytes()


@pytest.mark.parametrize("size", [(200, 70), (64, 300), (5, 5)])
def test_mask_and_overlay_of_a_stream_are_those_of_an_array(tmp_path, size):
    image, model = picture(*size), pointwise(channels=3)
    (stream,) = Predictor(model, tiling=Tiling(64, 16)).outputs([image])
    for name, outputs in (("stream", stream), ("array", np.asarray(stream))):
        write_prediction(tmp_path / name, "x", outputs, CARD, image=image)
    for file in ("x.png", "x_overlay.png"):
        one, other = (Image.open(tmp_path / name / file) for name in ("stream", "array"))
        assert one.mode == other.mode and one.getpalette() == other.getpalette()
        assert_array_equal(np.asarray(one), np.asarray(other))
    assert [path.name for path in write_prediction(tmp_path / "alone", "x", stream, CARD)] == ["x.png"]


def test_a_large_tiff_is_read_by_rows_and_gives_the_same(tmp_path):
    import tifffile

    tifffile.imwrite(tmp_path / "a.tif", picture(150, 90), photometric="rgb", rowsperstrip=16, compression="zlib")
    rows, model = read_by_rows(tmp_path / "a.tif", large=1), pointwise(channels=3)
    assert not isinstance(rows, np.ndarray)
    for name, image in (("rows", rows), ("array", np.asarray(rows))):
        (stream,) = Predictor(model, tiling=Tiling(64, 16)).outputs([image])
        write_prediction(tmp_path / name, "x", stream, CARD, image=image)
    for file in ("x.png", "x_overlay.png"):
        assert (tmp_path / "rows" / file).read_bytes() == (tmp_path / "array" / file).read_bytes()


def test_a_stream_is_computed_as_it_is_read():
    rows = []
    model, image = pointwise(), picture(200, 64)
    (stream,) = Predictor(model, tiling=Tiling(64, 0), batch_size=1).outputs([image])
    pieces = stream.pieces()
    for (span, _), _ in pieces:
        rows.append((span.start, span.stop))
        if len(rows) == 2:
            break
    assert rows == [(0, 64), (64, 128)]
    with pytest.raises(UsageError, match="add a sigmoid"):
        logits = keras.Model(model.inputs, model.outputs[0] * 1000)
        np.asarray(next(Predictor(logits, tiling=Tiling(64, 0)).outputs([image])))


def test_refiners_are_given_a_stream_as_an_array():
    image = picture(70, 100)

    def refine(shown, probabilities):
        assert isinstance(probabilities, np.ndarray) and shown is image
        return 1 - probabilities

    predictor = Predictor(pointwise(), refiners=(refine,), tiling=Tiling(64, 16))
    assert_allclose(next(predictor.outputs([image]))[..., 0], 1 - image[..., 0] / 255, atol=1e-6)


def test_joint_prediction_of_tiles_is_that_of_whole_images():
    images = [picture(70, 100), picture(64, 64, seed=1)]
    cards = [ModelCard(("background", name), ((0, 0, 0), (255, 0, 0))) for name in ("a", "b")]
    members = [Member(pointwise(i), card, "original") for i, card in enumerate(cards)]
    assert joint_card(members, ["1", "2"]).classes == ("background", "a", "b")
    plain = list(predict_joint(members, lambda: iter(images)))
    streams = list(predict_joint(members, lambda: iter(images), tiling=Tiling(64, 16)))
    settings = {"tiling": Tiling(64, 16), "refine": lambda shown, joint: joint[..., ::-1]}
    refined = list(predict_joint(members, lambda: iter(images), **settings))
    for one, stream, turned in zip(plain, streams, refined, strict=True):
        assert isinstance(stream, Streamed) and stream.shape == one.shape
        assert_allclose(np.asarray(stream), one, atol=1e-5)
        assert_allclose(turned[..., ::-1], one, atol=1e-5)


def test_mean_over_mirror_images_turns_and_sizes_by_hand():
    image = picture(6, 8)
    red = image[..., 0] / np.float32(255)
    left, right = np.zeros_like(red), np.zeros_like(red)
    left[:, 1:], right[:, :-1] = red[:, :-1], red[:, 1:]
    above, below = np.zeros_like(red), np.zeros_like(red)
    above[1:], below[:-1] = red[:-1], red[1:]
    model = leftward()
    assert_allclose(whole(model, image)[..., 0], left, atol=1e-6)
    for names, expected in (
        ("flips", (left + right) / 2),
        ("turns", (left + right + above + below) / 4),
        ("flips,turns", (left + right + above + below) / 4),
    ):
        found = whole(model, image, augmented=augmentations([names]))
        assert_allclose(found[..., 0], expected, atol=1e-6)
    sizes = [resize_image(image, size)[..., :1] / np.float32(255) for size in ((6, 8), (4, 6), (8, 10))]
    mean = sum(resize_probabilities(one, (6, 8)) for one in sizes) / 3
    assert_allclose(whole(pointwise(), image, augmented=Augmented(("scales",))), mean, atol=1e-6)
    assert_allclose(tiled(pointwise(), image, Tiling(64, 0), augmented=Augmented(("scales",))), mean, atol=1e-6)
    assert Augmented(("flips", "turns", "scales")).passes == 24 and Augmented().passes == 1


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("flip", "unknown test-time augmentation 'flip'; did you mean 'flips'"),
        ("turns,turns", "augmentation once"),
    ],
)
def test_unknown_augmentations_are_refused(names, sentence):
    with pytest.raises(UsageError, match=sentence):
        augmentations([names])


def test_a_model_of_one_size_takes_no_other_sizes():
    with pytest.raises(UsageError, match="32×48 pixels only; leave scales out"):
        list(Predictor(pointwise(size=(32, 48)), augmented=Augmented(("scales",))).outputs([picture(9, 9)]))
    with pytest.raises(UsageError, match="32×48 pixels only; leave turns out"):
        list(Predictor(pointwise(size=(32, 48)), augmented=Augmented(("turns",))).outputs([picture(9, 9)]))


@pytest.fixture
def run(tmp_path_factory):
    sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
    from small_run import make_run

    return make_run(tmp_path_factory.mktemp("tiled") / "run")


def test_predict_writes_the_masks_of_tiles(run, tmp_path, capsys):
    """The run's network sees one pixel around each pixel, so tiles differ from the whole image at their seams alone."""
    Image.fromarray(picture(100, 150)).save(tmp_path / "photo.png")
    arguments = ["predict", str(run), str(tmp_path / "photo.png"), "--no-overlays", "--out"]
    assert main([*arguments, str(tmp_path / "whole"), "--input-size", "original"]) == 0
    assert main([*arguments, str(tmp_path / "tiles"), "--tiles", "64", "--overlap", "4", "--blend", "none"]) == 0
    assert "fed tiles of 64 pixels, overlap 4, blend none" in capsys.readouterr().out
    one, other = (np.asarray(Image.open(tmp_path / name / "photo.png")) for name in ("whole", "tiles"))
    assert_array_equal(one, other)
    assert 0.05 < one.mean() < 0.95


def test_evaluate_counts_tiles_in_a_folder_of_its_own(run, capsys):
    assert main(["evaluate", str(run), "--input-size", "original"]) == 0
    assert main(["evaluate", str(run), "--tiles", "64", "--blend", "none"]) == 0
    assert main(["evaluate", str(run), "--input-size", "original", "--tta", "flips,scales"]) == 0
    said = capsys.readouterr().out
    assert (
        "fed       tiles of 64 pixels, overlap 16, blend none" in said and "refined   mean over flips, scales" in said
    )
    plain, tiles, mean = (
        json.loads((run / f"evaluation-synthetic-test-{name}" / "evaluation.json").read_text())
        for name in ("original", "tiles-64-none", "original-tta-flips-scales")
    )
    assert tiles["confusion_matrix"] == plain["confusion_matrix"] != mean["confusion_matrix"]
    assert tiles["tiles"] == "tiles of 64 pixels, overlap 16, blend none" and tiles["input_size"] == "original"
    assert np.sum(mean["confusion_matrix"]) == np.sum(plain["confusion_matrix"])


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--overlap", "9"], "--overlap means nothing without --tiles; add it"),
        (["--blend", "none"], "--blend means nothing without --tiles; add it"),
        (["--tiles", "64", "--overlap", "40"], "tiles of 64 pixels that overlap by 40 leave no step of 32 pixels"),
        (["--tiles", "64", "--image-size", "32", "48"], "not resized; leave --image-size 32 48 out"),
        (["--tiles", "64", "--input-size", "trained"], "not resized; leave --input-size trained out"),
        (["--tta", "mirror"], "unknown test-time augmentation 'mirror'"),
        (["--tta", "scales", "--scales", "0.5", "1"], "leave one out"),
        (["--tiles", "64", "--no-original-size"], "so nothing is compared at the network's"),
    ],
)
def test_what_does_not_go_together_is_refused(run, capsys, flags, sentence):
    assert main(["evaluate", str(run), *flags]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
