"""Learning rates of single layers: steps by hand, and what is refused."""

import keras
import numpy as np
import pytest
from keras import layers
from narrow import tiny_registered
from tiny_run import tiny_run

from kseg.encoders import encoder_layers
from kseg.errors import UsageError
from kseg.models import FINE_TUNED, MODELS, build, model_options
from kseg.training.config import TrainConfig, TrainingOptions, resolve
from kseg.training.layer_rates import check_layer_rates, factor_of, layer_rates
from kseg.training.network import training_network
from kseg.training.optimizers import OPTIMIZERS, build_optimizer
from kseg.training.run import train

DEEPLAB = ("*/bias=2", "fc8/kernel=10", "fc8/bias=20")
"""Chen et al. 2015."""


def two_layers():
    """conv (1×1, one weight and one bias), then fc8 alike, all of them 1."""
    image = keras.Input((1, 1, 1))
    x = layers.Conv2D(1, 1, kernel_initializer="ones", bias_initializer="ones", name="conv")(image)
    return keras.Model(image, layers.Conv2D(1, 1, kernel_initializer="ones", bias_initializer="ones", name="fc8")(x))


def options(**changes):
    given = {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "schedule": "constant"}
    return TrainingOptions(epochs=1, **{**given, **changes})


def after(steps, training, gradients):
    """conv/kernel, conv/bias, fc8/kernel, fc8/bias after so many steps with constant gradients."""
    model = two_layers()
    optimizer = build_optimizer(training, steps_per_epoch=steps)
    optimizer.build(model.trainable_variables)
    for _ in range(steps):
        shaped = [keras.ops.full(v.shape, g) for v, g in zip(model.trainable_variables, gradients, strict=True)]
        optimizer.apply(shaped)
    return [float(np.ravel(value)[0]) for value in model.get_weights()]


def test_deeplab_s_step_by_hand():
    # lr = .01, m = .9, d = .1, w = 1, gradient .5; factors 1, 2, 10, 20; biases do not decay
    # conv/kernel  v = −.01·(.5 + .1·1) = −.006          w = .994
    #              v = −.0054 − .01·(.5 + .0994)         w = .994 − .011394 = .982606
    # conv/bias    v = −.02·.5 = −.01; −.009 − .01       w = .99; .971
    # fc8/kernel   v = −.1·.6 = −.06                     w = .94
    #              v = −.054 − .1·(.5 + .094) = −.1134   w = .8266
    # fc8/bias     v = −.2·.5 = −.1; −.09 − .1 = −.19    w = .9; .71
    training = options(learning_rate=0.01, l2_decay=0.1, layer_rates=DEEPLAB)
    assert after(1, training, [0.5] * 4) == pytest.approx([0.994, 0.99, 0.94, 0.9])
    assert after(2, training, [0.5] * 4) == pytest.approx([0.982606, 0.971, 0.8266, 0.71])


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_the_factor_is_of_the_step_and_not_of_the_gradient(optimizer):
    """Adam and RMSprop divide by the size of the gradient, so that a factor of the gradient would be lost in them."""
    plain = np.array(after(1, options(optimizer=optimizer, momentum=0.0), [0.5] * 4))
    rated = np.array(after(1, options(optimizer=optimizer, momentum=0.0, layer_rates=DEEPLAB), [0.5] * 4))
    np.testing.assert_allclose((1 - rated) / (1 - plain), [1, 2, 10, 20], rtol=1e-4)


def test_decoupled_decay_follows_the_rate():
    # no gradient: w ← w·(1 − factor·lr·d) = 1 − factor·.1·.2
    training = options(momentum=0.0, weight_decay=0.2, layer_rates=DEEPLAB)
    assert after(1, training, [0.0] * 4) == pytest.approx([0.98, 0.96, 0.8, 0.6])


def test_accumulated_gradients_and_clipping_come_before_the_factor():
    # the mean of two steps' gradients is the gradient; norm √(4·.25) = 1, clipped to .5: .25 each
    training = options(momentum=0.0, accumulate=2, clip_norm=0.5, layer_rates=DEEPLAB)
    assert after(2, training, [0.5] * 4) == pytest.approx([0.975, 0.95, 0.75, 0.5])


def test_the_last_pattern_that_fits_counts():
    rates = layer_rates(["fc8/bias=20", "*/bias=2", "fc*=0.5"])
    assert [factor_of(path, rates) for path in ("conv/kernel", "conv/bias", "fc8/bias")] == [1.0, 2.0, 0.5]


def test_saved_and_loaded():
    optimizer = build_optimizer(options(l2_decay=0.1, layer_rates=DEEPLAB), steps_per_epoch=1)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.layer_rates == optimizer.layer_rates == [["*/bias", 2.0], ["fc8/kernel", 10.0], ["fc8/bias", 20.0]]


@pytest.mark.parametrize("word", ["fc8", "=3", "fc8=", "fc8=fast", "fc8=-1", "fc8=nan", "fc8=inf", ""])
def test_what_is_no_rate_is_refused(word):
    with pytest.raises(UsageError, match=r"--layer-rates has .*; wanted LAYER=FACTOR"):
        layer_rates([word])


def test_a_pattern_that_names_nothing_is_refused():
    with pytest.raises(UsageError, match=r"--layer-rates names fc9/\*, .* there are for example fc8"):
        check_layer_rates(["fc9=10"], two_layers())


def test_a_network_without_encoder_is_no_place_for_its_rate():
    with pytest.raises(UsageError, match="names the encoder, and .* has none"):
        check_layer_rates(["fc8=10", "encoder=0.1"], two_layers())


def test_the_encoder_is_trained_at_its_own_rate():
    with tiny_registered() as encoder:
        network = build("unet", num_classes=2, input_shape=(32, 32, 3), encoder=encoder, base_width=4)
    check_layer_rates(["encoder=0.25"], network)
    names = [layer.name for layer in encoder_layers(network)]
    training = options(momentum=0.0, layer_rates=("encoder=0.25", "conv5=3"))
    optimizer = build_optimizer(training, steps_per_epoch=1, encoder=names)
    variables = network.trainable_variables
    optimizer.build(variables)
    before = [keras.ops.convert_to_numpy(one).copy() for one in variables]
    optimizer.apply([keras.ops.ones_like(one) for one in variables])

    moved = {
        variable.path: float(np.mean(start - keras.ops.convert_to_numpy(variable)))
        for variable, start in zip(variables, before, strict=True)
    }
    wanted = {}
    for path in moved:
        layer = path.partition("/")[0]
        wanted[path] = 0.3 if layer == "conv5" else 0.025 if layer in names else 0.1
    assert set(wanted.values()) == {0.3, 0.025, 0.1}
    assert moved == pytest.approx(wanted, rel=1e-3)


FINE_TUNED_ONES = [name for name, entry in MODELS.items() if entry.preset_for("mobilenetv2") == FINE_TUNED]


@pytest.mark.parametrize("name", FINE_TUNED_ONES)
@pytest.mark.parametrize("weights, wanted", [("file.h5", ("encoder=0.1",)), ("none", ()), (None, ())])
def test_only_an_encoder_that_starts_from_weights_is_trained_slowly(name, weights, wanted):
    config = TrainConfig(model=model_options(name, encoder="mobilenetv2", weights=weights))
    assert resolve(config, image_size=(64, 64)).training.layer_rates == wanted


def with_rates():
    return [name for name, entry in MODELS.items() if entry.preset.get("layer_rates")]


@pytest.mark.parametrize("name", with_rates())
def test_rates_of_presets_name_variables(name):
    resolved = resolve(TrainConfig(model=model_options(name)), image_size=(64, 64))
    assert resolved.training.layer_rates == MODELS[name].preset["layer_rates"]
    rates = layer_rates(resolved.training.layer_rates)
    network = build(name, num_classes=3, input_shape=(65, 65, 3))
    check_layer_rates(resolved.training.layer_rates, network)
    assert {factor_of(weight.path, rates) for weight in network.trainable_weights} >= {1.0, 10.0, 20.0}


def test_presets_with_rates_are_there_and_another_optimizer_leaves_them():
    assert {"deeplab_largefov", "deeplab_resnet101"} <= set(with_rates())
    other = TrainConfig(model=model_options("deeplab_largefov"), training=TrainingOptions(optimizer="adam"))
    assert resolve(other, image_size=(64, 64)).training.layer_rates == ()


@pytest.mark.usefixtures("clean_framework")
def test_a_run_trains_its_layers_at_their_rates(tmp_path, synthetic):
    config = tiny_run(epochs=1, layer_rates=("*=0", "classifier=1"))
    settled = resolve(config, image_size=(32, 32))
    run = train(config, tmp_path / "run", quiet=True)
    keras.utils.set_random_seed(settled.training.seed)
    start = {
        weight.path: keras.ops.convert_to_numpy(weight) for weight in training_network(settled, synthetic)[0].weights
    }
    with_gradient = keras.saving.load_model(run.model, compile=False)
    moved = {
        weight.path
        for weight in with_gradient.trainable_weights
        if not np.array_equal(keras.ops.convert_to_numpy(weight), start[weight.path])
    }
    assert moved == {"classifier/kernel", "classifier/bias"}


@pytest.fixture
def synthetic():
    from kseg.datasets import open_dataset

    return open_dataset(tiny_run().data)
