"""Losses from text: sums, their parts, their errors and their way through a `.keras` file."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx

from kseg.errors import UsageError
from kseg.losses import LOSSES, WeightedSum, get, part_metrics
from kseg.losses.catalogue import catalogue
from losses.cases import batch, of_logits

SPEC = "ce + 4e-4*level_set(heaviside='ahf', epsilon=0.1) + iou*0.5 + 2*iou(pooling='batch')"


def test_a_sum_is_the_sum_of_its_parts():
    labels, logits = batch("multi-class")
    loss = of_logits(SPEC)
    assert isinstance(loss, WeightedSum)
    assert {label: weight for label, (weight, _) in loss.parts.items()} == {
        "ce": 1.0, "level_set": 4e-4, "iou": 0.5, "iou_2": 2.0,
    }  # fmt: skip
    plain, level_set = of_logits("ce"), of_logits("level_set", heaviside="ahf", epsilon=0.1)
    parts = [plain, level_set, of_logits("iou"), of_logits("iou", pooling="batch")]
    expected = sum(w * float(part(labels, logits)) for w, part in zip((1, 4e-4, 0.5, 2), parts, strict=True))
    assert float(loss(labels, logits)) == approx(expected, rel=1e-6)
    assert float(loss.part_values(labels, logits)["iou"]) == approx(float(parts[2](labels, logits)))


def test_text_of_a_sum_reads_back():
    labels, logits = batch("binary")
    loss = of_logits(SPEC)
    assert float(of_logits(str(loss))(labels, logits)) == float(loss(labels, logits))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert str(again) == str(loss)
    assert float(again(labels, logits)) == float(loss(labels, logits))


def test_one_name_is_the_loss_itself_and_a_loss_passes_through():
    loss = get("dice(smooth=0, squared=True)", reduction="sum")
    assert (type(loss), loss.smooth, loss.squared, loss.reduction) == (LOSSES["dice"], 0, True, "sum")
    assert get(loss) is loss
    assert all(part.from_logits is False for _, part in get("ce + dice", from_logits=False).parts.values())


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("lovaz", "did you mean 'lovasz'"),
        ("CE", r"unknown loss 'CE'; did you mean 'ce'\?"),
        ("IoU + Dise", r"unknown loss 'IoU'; did you mean 'iou'\?"),
        ("LOVAZ", "did you mean 'lovasz'"),
        ("dice(SMOOTH=1)", r"did you mean 'smooth'\?"),
        ("ce + dise", "did you mean 'dice'"),
        ("dice(smoth=1)", "did you mean 'smooth'"),
        ("iou(pooling='bach')", "did you mean 'batch'"),
        ("tversky(alpha='a')", "a number from 0 up is wanted"),
        ("dice(1)", "by keyword"),
        ("ce +", "no sum of losses"),
        ("ce + 3", "'3' is no loss"),
        ("ce * dice", "no number"),
        ("ce(class_weights=open('x'))", "no number, text or tuple"),
        ("", "no sum of losses"),
    ],
)
def test_typos_are_answered(spec, says):
    with pytest.raises(UsageError, match=says.replace("(", r"\(")):
        get(spec)


@pytest.mark.parametrize("jit", [False, True])
def test_parts_are_logged_in_fit_and_the_model_comes_back(jit, tmp_path):
    """Dynamic height and width, a short last batch, mixed precision in the convolution."""
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(5, 8, 8, 3)).astype("float32"), rng.integers(0, 2, (5, 8, 8)).astype("uint8")
    labels[:, 0] = 255
    inputs = keras.Input((None, None, 3))
    hidden = keras.layers.Conv2D(4, 3, padding="same", dtype="mixed_bfloat16")(inputs)
    model = keras.Model(inputs, keras.layers.Conv2D(1, 1, dtype="float32")(hidden))
    loss = of_logits("bce + 0.5*iou + 1e-3*level_set")
    model.compile("adam", loss=loss, metrics=part_metrics(loss), jit_compile=jit)
    history = model.fit(images, labels, batch_size=2, epochs=1, verbose=0).history
    parts = {name: history[name][0] for name in ("loss_bce", "loss_iou", "loss_level_set")}
    assert history["loss"][0] == approx(
        parts["loss_bce"] + 0.5 * parts["loss_iou"] + 1e-3 * parts["loss_level_set"], rel=1e-4
    )
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert str(again.loss) == str(loss)
    assert again.evaluate(images, labels, verbose=0)[0] == approx(model.evaluate(images, labels, verbose=0)[0])


def test_shapes_that_cannot_be_meant_are_refused():
    with pytest.raises(UsageError, match="differ in H"):
        get("ce")(np.zeros((2, 4, 4)), np.zeros((2, 5, 4, 3)))
    with pytest.raises(UsageError, match=r"wanted \(N, H, W, C\)"):
        get("iou")(np.zeros((2, 4, 4)), np.zeros((2, 4, 4)))
    with pytest.raises(UsageError, match="takes no soft labels"):
        get("lovasz")(np.zeros((2, 4, 4, 3)), np.zeros((2, 4, 4, 3)))
    with pytest.raises(UsageError, match="use ce"):
        get("bce")(np.zeros((2, 4, 4)), np.zeros((2, 4, 4, 3)))
    with pytest.raises(UsageError, match="give 3 finite weights"):
        get("ce", class_weights=(1, 2))(np.zeros((2, 4, 4)), np.zeros((2, 4, 4, 3)))
    with pytest.raises(UsageError, match="sample_weight"):
        get("ce")(np.zeros((2, 4, 4)), np.zeros((2, 4, 4, 3)), np.zeros((2, 4)))


def test_the_catalogue_knows_every_loss():
    rows = {facts.name: facts for facts in catalogue()}
    assert set(rows) == set(LOSSES)
    for facts in rows.values():
        assert facts.summary.endswith(".") and facts.formula and facts.source and facts.deviations and facts.void
    assert (rows["ce"].class_weights, rows["ce"].soft_labels) == (True, True)
    assert (rows["lovasz"].class_weights, rows["lovasz"].soft_labels) == (False, False)


def test_class_weights_go_to_the_parts_that_take_them():
    labels, logits = batch("multi-class")
    weights = tuple(float(number) for number in range(1, logits.shape[-1] + 1))
    given = of_logits("2*ce + focal(gamma=1) + iou", class_weights=weights)
    spelt = of_logits(f"2*ce(class_weights={weights}) + focal(gamma=1, class_weights={weights}) + iou")
    assert str(given) == str(spelt)
    assert float(given(labels, logits)) == float(spelt(labels, logits))
    assert get("ce", class_weights=weights).class_weights == weights
    own = get("ce(class_weights=(1, 2, 3)) + focal", class_weights=weights)
    assert own.parts["ce"][1].class_weights == (1, 2, 3) and own.parts["focal"][1].class_weights == weights


@pytest.mark.parametrize("spec", ["iou", "iou + dice", "ce(class_weights=(1, 2, 3))"])
def test_class_weights_that_nothing_takes_are_refused(spec):
    with pytest.raises(UsageError, match="takes no class weights, or sets its own; losses that take them: .*ce"):
        get(spec, class_weights=(1.0, 2.0, 3.0))


@pytest.mark.parametrize("argument", ["from_logits=False", "reduction='sum'", "void=0", "name='a'", "dtype='float16'"])
def test_only_options_of_a_loss_stand_in_its_text(argument):
    """The rest is the pipeline's to say: probabilities read as logits would train, to no avail."""
    option = argument.split("=")[0]
    valid = "valid: class_weights, label_smoothing, normalize, pooling"
    with pytest.raises(UsageError, match=f"unknown option of loss 'ce': '{option}'; .*{valid}"):
        get(f"0.5*ce({argument}) + iou")
    with pytest.raises(UsageError, match=f"'boundary' has no options and got '{option}'"):
        get(f"boundary({argument})")
    assert get("ce", from_logits=False, void=0).void == 0


WEIGHTS = st.floats(-1e38, 1e38)


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(st.lists(WEIGHTS, min_size=2, max_size=3), st.floats(0.0, 1e30))
def test_text_keeps_every_digit(weights, smooth):
    loss = WeightedSum([(weight, of_logits("dice", smooth=smooth)) for weight in weights])
    again = of_logits(str(loss))
    assert [(weight, part.smooth) for weight, part in again.parts.values()] == [(w, smooth) for w in weights]


def test_text_of_a_weight_is_short_where_it_can_be():
    assert str(get("ce + 0.50*dice + 4e-4*iou + 1234567*gdice + 0.1234567*rmi")) == (
        "1*ce + 0.5*dice + 0.0004*iou + 1234567.0*gdice + 0.1234567*rmi"
    )


def test_factors_multiply_on_both_sides():
    parts = get("2*3*ce + -0.5*dice*2 + iou").parts
    assert {label: weight for label, (weight, _) in parts.items()} == {"ce": 6.0, "dice": -1.0, "iou": 1.0}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("dice(smooth=1, smooth=2)", "dice is given 'smooth' twice"),
        ("dice(smooth={[1]: 2})", "no number, text or tuple"),
        ("dice(**{'smooth': 1})", "by keyword"),
        ("True*ce", "'True' is no number"),
        ("2*3", "'2 * 3' is no loss"),
        ("2*(ce + dice)", "'(ce + dice)' is in brackets"),
        ("1e999*ce + dice", "not finite"),
        (f"1{'0' * 400}*ce", "not finite"),
        ("1e200*1e200*ce", "not finite"),
        (f"dice(smooth=1{'0' * 400})", "a number from 0 up is wanted"),
        ("ce - dice", "'ce - dice' is no loss"),
        ("losses.ce()", "'losses.ce()' is no loss"),
        (" + ".join(["ce"] * 101), "101 summands; 100 are the most"),
        ("+".join(["ce"] * 20_000), "100 "),
        ("(" * 300 + "ce" + ")" * 300, "no sum of losses"),
        ("-" * 50_000 + "1*ce", "nested too deeply"),
        (None, "None is no loss; give a name"),
        (3, "3 is no loss; give a name"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_sum_is_answered(spec, says):
    with pytest.raises(UsageError) as refusal:
        get(spec)
    assert says in str(refusal.value) and len(str(refusal.value)) < 900


def test_a_hundred_summands_are_a_sum():
    assert len(get(" + ".join(["ce"] * 100)).parts) == 100


def test_a_sum_of_sums_is_one_sum():
    labels, logits = batch("binary")
    inner = of_logits("ce + 0.5*dice")
    outer = WeightedSum([(2.0, inner), (1.0, of_logits("dice"))])
    assert str(outer) == "2*ce + 1*dice + 1*dice"
    assert list(outer.parts) == ["ce", "dice", "dice_2"]
    expected = 2.0 * float(inner(labels, logits)) + float(of_logits("dice")(labels, logits))
    assert float(outer(labels, logits)) == approx(expected)


@pytest.mark.parametrize(
    ("parts", "options", "says"),
    [
        ([], {}, "got no parts"),
        ([(1.0, keras.losses.BinaryCrossentropy())], {}, "binary_crossentropy.*make parts by get"),
        ([(1.0, "ce")], {}, "the part 'ce'; make parts by get"),
        ([(float("inf"), get("ce"))], {}, "the weight inf"),
        ([("1", get("ce"))], {}, "the weight '1'"),
        ([(1.0, get("ce"))], {"reduction": "sum"}, "reduction='sum', but its parts have their own"),
    ],
)
def test_a_sum_that_means_nothing_is_refused(parts, options, says):
    with pytest.raises(UsageError, match=says):
        WeightedSum(parts, **options)


def test_an_option_s_old_name_goes_on_for_a_version():
    with pytest.warns(FutureWarning, match="normalise is now normalize"):
        old = get("ce(normalise='sum')")
    assert old.get_config() == get("ce(normalize='sum')").get_config()
    with pytest.warns(FutureWarning), pytest.raises(UsageError, match="twice"):
        get("ce(normalise='sum', normalize='mean')")
    with pytest.warns(FutureWarning):  # as models of the version before were saved
        assert LOSSES["ce"].from_config({"normalise": "sum"}).normalize == "sum"
