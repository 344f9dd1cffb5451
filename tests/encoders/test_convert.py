"""torchvision's networks, randomly initialized, against ours with their converted weights."""

import importlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from kseg.cli.main import main
from kseg.encoders import ENCODERS, encoder_layers
from kseg.encoders.convert import converted
from kseg.encoders.torch_compare import SIDE, largest_difference, largest_score_difference
from kseg.encoders.torch_file import read_state_dict
from kseg.encoders.torch_names import mobilenet_v2, mobilenet_v3, resnet, vgg
from kseg.encoders.torchvision_models import torchvision_models
from kseg.errors import Failure, UsageError
from kseg.inference.model_file import load_model
from kseg.layers.preprocess import MODES
from kseg.models import build
from kseg.models.torchvision_segmenter import kind_of, torchvision_segmenter


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def models(torch):
    """`torchvision.models`."""
    return torchvision_models() or pytest.skip("torchvision cannot be imported")


@pytest.fixture(autouse=True)
def forget():
    yield
    keras.utils.clear_session(free_memory=False)


def randomized(torch, network):
    """Every tensor random, variances down to the ε of the normalization."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.uniform_(-0.5, 0.5, generator=generator)
            module.running_mean.uniform_(-0.5, 0.5, generator=generator)
            module.running_var.uniform_(0.001, 2, generator=generator)
        elif getattr(module, "bias", None) is not None:
            module.bias.data.uniform_(-0.1, 0.1, generator=generator)
    return network.eval()


def arrays(network):
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def ours(encoder, **options):
    image = keras.Input((64, 96, 3))
    return keras.Model(image, ENCODERS[encoder](image, **options)[32])


def theirs_of(torch, network, picture):
    """What a network of torchvision makes of an image in 0..255, with our order of axes."""
    mean, scale, _ = MODES["torch"]
    scaled = ((picture - mean) / scale).transpose(0, 3, 1, 2).astype("float32")
    with torch.no_grad():
        return network(torch.from_numpy(scaled)).numpy().transpose(0, 2, 3, 1)


@pytest.mark.parametrize(
    ("encoder", "theirs", "layers"),
    [
        ("resnet50_torch", "resnet50", 106),
        ("mobilenetv2_torch", "mobilenet_v2", 104),
        ("mobilenetv3small_torch", "mobilenet_v3_small", 86),
    ],
)
def test_a_classifier_gives_the_same_features(torch, models, encoder, theirs, layers):
    state = arrays(randomized(torch, models.get_model(theirs, weights=None)))
    conversion = converted(state, ours(encoder), ENCODERS[encoder], source="file")
    assert (len(conversion.report.kept), conversion.report.random, conversion.report.dropped) == (layers, (), ())
    assert all(name.startswith(("fc", "classifier")) for name in conversion.left) and conversion.left
    assert largest_difference(conversion, ENCODERS[encoder]) < 1e-5
    # and the comparison notices filters in another order
    name = next(layer.name for layer in encoder_layers(ours(encoder)) if isinstance(layer, keras.layers.Conv2D))
    conversion.weights[name]["kernel"] = conversion.weights[name]["kernel"][..., ::-1]
    assert largest_difference(conversion, ENCODERS[encoder]) > 3e-5


def plain_vgg(torch, models):
    """VGG16 without its 120 million dense weights."""
    modules = importlib.import_module("torchvision.models.vgg")
    network = torch.nn.Module()
    network.features = modules.make_layers(modules.cfgs["D"])
    return randomized(torch, network)


def test_vgg_takes_the_scaling_of_images_into_its_first_convolution(torch, models):
    """Equal but for windows over the border, and there nearly."""
    network = plain_vgg(torch, models)
    conversion = converted(arrays(network), ours("vgg16"), ENCODERS["vgg16"], source="file")
    assert len(conversion.report.kept) == 13 and not conversion.left
    assert largest_difference(conversion, ENCODERS["vgg16"]) < 1e-2
    model = ours("vgg16")
    model = keras.Model(model.input, model.get_layer("block2_conv2").output)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([conversion.weights[layer.name][part] for part in ("kernel", "bias")])
    picture = np.random.default_rng(0).uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    expected = theirs_of(torch, network.features[:9], picture)
    apart = np.abs(np.asarray(model(ops.convert_to_tensor(picture))) - expected)[0].max(-1) / np.abs(expected).max()
    assert apart[4:-4, 4:-4].max() < 1e-5 < apart.max() < 1e-2


def test_dense_layers_read_the_feature_row_by_row():
    """(c, h, w) → (h, w, c): the weight of channel c at (y, x) is found at ((7·y + x)·512 + c)."""
    kernel = np.arange(2 * 512 * 49, dtype="float32").reshape(2, 512 * 49)
    state = {"classifier.0.weight": kernel, "classifier.0.bias": np.zeros(2, "float32")}
    state |= {"features.0.weight": np.zeros((64, 3, 3, 3), "float32"), "features.0.bias": np.zeros(64, "float32")}
    found = converted(state, ours("vgg16"), ENCODERS["vgg16"], source="file").weights["fc1"]["kernel"]
    assert found[(7 * 3 + 5) * 512 + 11, 1] == kernel[1, 11 * 49 + 3 * 7 + 5]


@pytest.mark.parametrize("name", ["fcn_resnet50", "deeplabv3_resnet50"])
def test_a_segmentation_network_gives_the_same_logits(torch, models, tmp_path, name):
    """Encoder, head and scores, at torchvision's output stride; the auxiliary head only where it is asked for."""
    network = getattr(models.segmentation, name)(weights=None, weights_backbone=None, num_classes=5, aux_loss=True)
    torch.save(randomized(torch, network).state_dict(), tmp_path / "net.pth")
    state = read_state_dict(tmp_path / "net.pth")
    model, report = torchvision_segmenter(
        state, source="net.pth", input_shape=(*SIDE, 3), activation=None, auxiliary=0.5
    )  # fmt: skip
    assert not report.random and not report.dropped
    aux = np.asarray(state["aux_classifier.0.weight"]).transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(model.get_layer("aux_conv").get_weights()[0], aux)
    assert largest_score_difference(model, state, name) < 1e-4
    # and the comparison notices scores in another order
    kernel, bias = model.get_layer("score").get_weights()
    model.get_layer("score").set_weights([kernel[..., ::-1], bias])
    assert largest_score_difference(model, state, name) > 1e-2


def test_a_whole_network_is_a_model_file(torch, models, tmp_path, capsys):
    network = models.segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=3)
    file, out = tmp_path / "net.safetensors", tmp_path / "net.keras"
    pytest.importorskip("safetensors.torch").save_file(randomized(torch, network).state_dict(), file)
    assert main(["weights", "convert", str(file), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    found = re.search(r"largest difference of the logits from torchvision's: (\S+) of the largest", said)
    assert found and float(found[1]) < 1e-4
    assert f"--encoder mobilenetv3large_torch --output-stride 16 --head torchvision --init {out}" in said
    model, card = load_model(out)
    assert len(card.classes) == 3 and model.get_layer("expanded_conv_12_depthwise").dilation_rate == (2, 2)
    picture = np.random.default_rng(0).uniform(0, 255, (1, *SIDE, 3)).astype("float32")
    with torch.no_grad():
        expected = theirs_of(torch, lambda x: torch.softmax(network(x)["out"], 1), picture)
    np.testing.assert_allclose(np.asarray(model(ops.convert_to_tensor(picture))), expected, atol=1e-4)


def test_which_network_a_file_holds():
    """By names alone: a ResNet-101 has a 23rd block in its third stage."""
    score = {"classifier.4.weight": np.zeros((21, 512, 1, 1), "float32"), "backbone.layer3.22.conv1.weight": 0}
    assert kind_of(score, source="f").name == "fcn_resnet101"
    assert kind_of({**score, "classifier.0.convs.0.0.weight": 0}, source="f").name == "deeplabv3_resnet101"
    with pytest.raises(UsageError, match="f holds no DeepLab v3 or FCN of torchvision, whose last layer"):
        kind_of({"fc.weight": np.zeros(3)}, source="f")


def test_a_mobilenet_within_a_segmentation_network(torch, models):
    network = models.segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, aux_loss=True)
    encoder = ENCODERS["mobilenetv3large_torch"]
    conversion = converted(arrays(randomized(torch, network)), ours(encoder.name), encoder, source="file")
    assert {part.split(".")[0] for part in conversion.left} == {"classifier", "aux_classifier"}
    assert len(conversion.report.kept) == 108 and not conversion.report.random
    assert largest_difference(conversion, encoder) < 1e-5


def test_the_tables():
    deep = {f"features.{n}.weight": np.zeros((1, 1, 3, 3)) for n in (0, 2, 5, 7, 10, 12, 14)}
    assert vgg("features.14", deep) == ("block3_conv3", "conv")
    assert vgg("features.6", deep) is None
    assert resnet("layer4.2.bn3", {}) == ("conv5_block3_3_bn", "bn")
    assert resnet("layer2.0.downsample.1", {}) == ("conv3_block1_0_bn", "bn")
    assert resnet("fc", {}) is None
    assert mobilenet_v2("features.1.conv.1", {}) == ("expanded_conv_project", "conv")
    assert mobilenet_v2("features.17.conv.3", {}) == ("block_16_project_BN", "bn")
    excited = {
        "features.4.block.2.fc1.weight": np.zeros((24, 72, 1, 1)),
        "features.16.0.weight": np.zeros((9, 9, 1, 1)),
    }
    assert mobilenet_v3("features.4.block.2.fc2", excited) == ("expanded_conv_3_squeeze_excite_conv_1", "conv")
    assert mobilenet_v3("features.16.1", excited) == ("conv_1_bn", "bn")


@pytest.fixture(scope="module")
def small_state(torch, models):
    """A MobileNetV2."""
    return randomized(torch, models.mobilenet_v2(weights=None)).state_dict()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_the_command_writes_what_weights_takes(torch, small_state, tmp_path, capsys, suffix):
    file, out = tmp_path / f"net{suffix}", tmp_path / "net.npz"
    if suffix == ".pth":
        torch.save({"model": {f"module.{name}": tensor for name, tensor in small_state.items()}, "epoch": 3}, file)
    else:
        pytest.importorskip("safetensors.torch").save_file(small_state, file)
    command = ["weights", "convert", str(file), "--model", "fpn", "--encoder", "mobilenetv2_torch", "-o", str(out)]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "104 layers kept" in said and "left in the file: classifier.1" in said and f"--weights {out}" in said
    assert "largest difference of the features from torchvision's" in said
    model = build("fpn", encoder="mobilenetv2_torch", weights=out)
    kernel = small_state["features.3.conv.0.0.weight"].numpy().transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(model.get_layer("block_2_expand").get_weights()[0], kernel)


def refused(file, *flags, kind=UsageError):
    from kseg.cli.weights import Weights

    options = dict(zip(flags[::2], flags[1::2], strict=True))
    with pytest.raises(kind) as raised:
        Weights("convert", file, **{"model": "fpn", "encoder": "mobilenetv2_torch", **options}).run()
    return str(raised.value)


def test_what_does_not_fit_is_refused_in_a_sentence(torch, small_state, tmp_path):
    file = tmp_path / "net.pth"
    torch.save(small_state, file)
    assert "pass --encoder resnet50_torch" in refused(file, "encoder", "resnet50")
    assert "pass --encoder with another: mobilenetv2_torch" in refused(file, "encoder", "densenet121")
    assert "holds no resnet50 of torchvision" in refused(file, "encoder", "resnet50_torch")
    assert "holds no vgg16" in refused(file, "model", "fcn8s", "encoder", None)
    assert "unet has no encoder" in refused(file, "model", "unet", "encoder", None)
    assert "try" in refused(file, "out", tmp_path / "net.h5")
    assert "name the model with --model" in refused(file, "model", None)
    assert "holds no DeepLab v3 or FCN of torchvision" in refused(file, "out", tmp_path / "net.keras")
    assert "unknown kind" in refused(
        tmp_path / "net.pth" if (tmp_path / "x.bmp").write_bytes(b"") else tmp_path / "x.bmp"
    )
    assert "cannot be read" in refused(tmp_path / "none.pth")
    (tmp_path / "broken.pth").write_bytes(b"PK\x03\x04 broken")
    assert "damaged" in refused(tmp_path / "broken.pth", kind=Failure)
    (tmp_path / "broken.safetensors").write_bytes(b"\xff" * 40)
    assert "damaged" in refused(tmp_path / "broken.safetensors", kind=Failure)
    torch.save([1, 2], tmp_path / "list.pth")
    assert "holds no state dict, but a list" in refused(tmp_path / "list.pth")


def test_a_pickle_that_runs_code_does_not(torch, tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harmed"), "w"))

    torch.save({"weight": Harm()}, tmp_path / "harm.pth")
    with pytest.raises(Failure, match="holds more than tensors"):
        read_state_dict(tmp_path / "harm.pth")
    assert not (tmp_path / "harmed").exists()


def test_safetensors_need_no_torch(tmp_path):
    """The file is read, and the encoder filled, where PyTorch cannot be imported."""
    save = pytest.importorskip("safetensors.numpy").save_file
    save({"features.0.weight": np.ones((2, 3, 3, 3), "float32")}, tmp_path / "net.safetensors")
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from kseg.encoders.torch_file import read_state_dict\n"
        f"print(read_state_dict({str(tmp_path / 'net.safetensors')!r})['features.0.weight'].shape)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip().endswith("(2, 3, 3, 3)"), done.stderr[-2000:]
