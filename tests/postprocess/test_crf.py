"""Dense CRF: against an O(N²) brute force, pydensecrf's stored values, pydensecrf itself, and by hand."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from oracles.crf import brute_force_crf
from scipy.special import expit

from kseg.errors import UsageError
from kseg.postprocess import CRF_PARAMETERS, CrfParameters, crf_parameters, crf_refiner, dense_crf
from kseg.postprocess.mean_field import NormalizedKernel, PixelKernels, mean_field

ENGINES = [
    pytest.param("numba", marks=pytest.mark.skipif(find_spec("numba") is None, reason="Numba is not installed")),
    "scipy",
]
DEEPLAB = CRF_PARAMETERS["deeplab_v2_resnet101"]
WIDE = CrfParameters(w1=3, sigma1=3, w2=10, sigma_alpha=20, sigma_beta=13)
STORED = {"crf_deeplab_sxy1w3_bxy67_brgb3_w4": DEEPLAB, "crf_sxy3w3_bxy20_brgb13_w10": WIDE}


def kernels_of(parameters):
    return [
        (parameters.w1, parameters.sigma1, None),
        (parameters.w2, parameters.sigma_alpha, parameters.sigma_beta),
    ]


def with_iterations(parameters, iterations):
    return crf_parameters([f"{key}={value}" for key, value in {**vars(parameters), "iterations": iterations}.items()])


@pytest.fixture(scope="module")
def scene():
    """A picture of three noisy patches, and probabilities that are unsure about them."""
    rng = np.random.default_rng(0)
    truth = np.zeros((17, 21), int)
    truth[:, 8:] = 1
    truth[9:, 4:16] = 2
    colors = np.array([[200, 60, 50], [60, 180, 90], [70, 80, 210]])
    image = np.clip(colors[truth] + rng.normal(0, 6, (17, 21, 3)), 0, 255).astype(np.uint8)
    logits = 1.5 * np.eye(3)[truth] + rng.normal(0, 1, (17, 21, 3))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return image, p, truth


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("parameters", [DEEPLAB, WIDE], ids=["deeplab", "wide"])
def test_near_the_brute_force(scene, engine, parameters):
    image, p, truth = scene
    ours = dense_crf(image, p, parameters, engine=engine)
    exact = brute_force_crf(image, p, parameters.iterations, kernels_of(parameters))
    assert np.mean(ours.argmax(-1) == exact.argmax(-1)) > 0.97
    np.testing.assert_allclose(ours.sum(-1), 1, atol=1e-5)
    assert np.mean(ours.argmax(-1) == truth) > np.mean(p.argmax(-1) == truth) + 0.05


def test_kernel_of_the_lattice_is_a_gaussian():
    """A single bright pixel far from the border is spread as exp(−r²/2σ²) says, up to the lattice's own error."""
    size, sigma = 41, 4.0
    kernel = PixelKernels(np.zeros((size, size, 3), np.uint8), engine="scipy")(sigma)
    spot, spread = np.zeros((size * size, 1), np.float32), np.zeros((size * size, 1), np.float32)
    spot[size * size // 2] = 1
    kernel.add(spot, 1.0, spread)
    rows, columns = np.indices((size, size)) - size // 2
    wanted = np.exp(-(rows**2 + columns**2) / (2 * sigma**2))
    assert np.abs(spread.reshape(size, size) - wanted / wanted.sum()).max() < 0.15 / wanted.sum()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("iterations", [1, 5, 10])
@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("seed", [0, 1])
def test_against_stored_values_of_pydensecrf(seed, name, iterations, engine):
    folder = os.environ.get("KSEG_ORACLES")
    if folder is None:
        pytest.skip("reference values: set KSEG_ORACLES")
    stored = np.load(Path(folder) / f"reference_seed{seed}.npz")
    image, p, theirs = stored["crf_image"], stored["crf_probabilities"], stored[f"{name}_iter{iterations}"]
    parameters = with_iterations(STORED[name], iterations)
    ours = dense_crf(image, p, parameters, engine=engine)
    assert np.mean(ours.argmax(-1) == theirs.argmax(-1)) >= 0.99
    no_farther_from_brute_force(ours, theirs, image, p, parameters)


@pytest.mark.parametrize("engine", ENGINES)
def test_against_pydensecrf(scene, engine):
    densecrf = pytest.importorskip("pydensecrf.densecrf", reason="pydensecrf2 is not installed")
    image, p, _ = scene
    crf = densecrf.DenseCRF2D(image.shape[1], image.shape[0], 3)
    crf.setUnaryEnergy(np.ascontiguousarray(-np.log(p.reshape(-1, 3).T), np.float32))
    crf.addPairwiseGaussian(sxy=DEEPLAB.sigma1, compat=DEEPLAB.w1)
    crf.addPairwiseBilateral(sxy=DEEPLAB.sigma_alpha, srgb=DEEPLAB.sigma_beta, rgbim=image, compat=DEEPLAB.w2)
    theirs = np.array(crf.inference(10)).T.reshape(p.shape)
    ours = dense_crf(image, p, DEEPLAB, engine=engine)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    no_farther_from_brute_force(ours, theirs, image, p, DEEPLAB)


def no_farther_from_brute_force(ours, theirs, image, p, parameters):
    """By the classes and by the probabilities; two float32 programs of one lattice differ by rounding."""
    exact = brute_force_crf(image, p, parameters.iterations, kernels_of(parameters))
    same = [np.mean(q.argmax(-1) == exact.argmax(-1)) for q in (ours, theirs)]
    assert same[0] >= same[1] - 1e-3
    assert np.abs(ours - exact).mean() <= np.abs(theirs - exact).mean() + 1e-4


@pytest.mark.skipif(find_spec("numba") is None, reason="Numba is not installed")
@pytest.mark.parametrize("channels", [1, 2, 3, 11])
def test_engines_agree(scene, channels):
    image = scene[0]
    p = np.random.default_rng(1).dirichlet(np.ones(max(2, channels)), image.shape[:2])[..., -channels:]
    p[0, 0] = 0.0  # no class possible at all
    one, other = (dense_crf(image, p, engine=engine) for engine in ("numba", "scipy"))
    np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_binary_is_two_classes(scene, engine):
    image, p, _ = scene
    foreground = p[..., 1:2]
    one = dense_crf(image, foreground, engine=engine)
    two = dense_crf(image, np.concatenate([1 - foreground, foreground], axis=-1), engine=engine)
    np.testing.assert_allclose(one[..., 0], two[..., 1], atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("channels", [1, 3])
def test_void_pixels_keep_theirs_and_move_nothing(scene, engine, channels):
    image, p, _ = scene
    p = p[..., :channels]
    void = np.zeros(image.shape[:2], bool)
    void[3:9, 5:12] = True
    scrambled_image, scrambled_p = image.copy(), p.copy()
    scrambled_image[void], scrambled_p[void] = 255 - image[void], p[void][::-1]
    refined = dense_crf(image, p, void=void, engine=engine)
    other = dense_crf(scrambled_image, scrambled_p, void=void, engine=engine)
    np.testing.assert_array_equal(refined[~void], other[~void])
    np.testing.assert_allclose(refined[void], p[void], rtol=1e-6)
    assert np.abs(refined[~void] - dense_crf(image, p, engine=engine)[~void]).max() > 1e-3  # void pixels did speak
    everything = np.ones(image.shape[:2], bool)
    np.testing.assert_allclose(dense_crf(image, p, void=everything, engine=engine), p, rtol=1e-6)


def test_mean_field_by_hand():
    # Two pixels, two classes, one kernel that is the identity, w = 2, −U = [1 0] and [0 0]:
    # q = σ(1); one iteration: z = 1 + 2·(q − (1 − q))
    class Identity:
        def filtered(self, values):
            return values

        def add_filtered(self, values, before, after, out):
            out += after[:, None] * before[:, None] * values

    kernel = NormalizedKernel(Identity(), 2)
    beliefs = mean_field(np.array([[1, 0], [0, 0]], np.float32), [(2.0, kernel)], 1)
    q = expit(1)
    np.testing.assert_allclose(beliefs, [[expit(4 * q - 1), expit(1 - 4 * q)], [0.5, 0.5]], rtol=1e-5)
    alone = mean_field(np.array([[-1], [0]], np.float32), [(2.0, kernel)], 1)  # the logit of the second class
    np.testing.assert_allclose(alone[:, 0], beliefs[:, 1], rtol=1e-5)


def test_without_kernels_nothing_changes(scene):
    image, p, _ = scene
    np.testing.assert_allclose(dense_crf(image, p, CrfParameters(w1=0, w2=0)), p, rtol=1e-5)
    np.testing.assert_allclose(dense_crf(image, p[..., :1], CrfParameters(w1=0, w2=0)), p[..., :1], rtol=1e-5)


def test_kernels_of_an_image_serve_several_parameters(scene):
    image, p, _ = scene
    shared = PixelKernels(image)
    for parameters in (DEEPLAB, CrfParameters(w1=1, w2=7), WIDE):
        np.testing.assert_array_equal(dense_crf(image, p, parameters, kernels=shared), dense_crf(image, p, parameters))


def test_nothing_to_refine():
    assert dense_crf(np.zeros((0, 5, 3), np.uint8), np.zeros((0, 5, 4))).shape == (0, 5, 4)
    one = dense_crf(np.zeros((1, 1, 3), np.uint8), np.array([[[0.25, 0.75]]]))
    assert one.shape == (1, 1, 2)


@pytest.mark.parametrize(
    ("image", "probabilities", "sentence"),
    [
        (np.zeros((4, 5, 3), np.uint8), np.full((5, 4, 2), 0.5), "4×5 pixels and the probabilities 5×4"),
        (np.zeros((4, 5, 3), np.float32), np.full((4, 5, 2), 0.5), "uint8"),
        (np.zeros((4, 5), np.uint8), np.full((4, 5, 2), 0.5), "uint8"),
        (np.zeros((4, 5, 3), np.uint8), np.full((4, 5), 0.5), "H, W, C"),
        (np.zeros((4, 5, 3), np.uint8), np.full((4, 5, 2), np.nan), "nan"),
        (np.zeros((4, 5, 3), np.uint8), np.full((4, 5, 2), 3.0), "sigmoid or softmax"),
    ],
)
def test_wrong_arrays_are_refused(image, probabilities, sentence):
    with pytest.raises(UsageError, match=sentence):
        crf_refiner()(image, probabilities)


def test_void_of_another_size_is_refused(scene):
    with pytest.raises(UsageError, match="void has the shape"):
        dense_crf(scene[0], scene[1], void=np.zeros((3, 3), bool))


def test_engines_that_are_not_there(scene, monkeypatch):
    with pytest.raises(UsageError, match="'auto', 'numba' or 'scipy'"):
        dense_crf(scene[0], scene[1], engine="cuda")
    monkeypatch.setattr("kseg.postprocess.mean_field.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'kseg\[crf\]'"):
        dense_crf(scene[0], scene[1], engine="numba")
    assert PixelKernels(scene[0]).engine == "scipy"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_kernel_too_narrow_to_number_is_refused(scene, engine):
    with pytest.raises(UsageError, match="larger standard deviations"):
        dense_crf(scene[0], scene[1], CrfParameters(sigma_beta=1e-3), engine=engine)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["deeplab"], "did you mean"),
        (["w3=1"], "unknown CRF parameter 'w3'"),
        (["w1=heavy"], "must be a number"),
        (["iterations=2.5"], "must be a whole number"),
        (["w1=-1"], "w1 is -1; it must be at least 0"),
        (["sigma_alpha=0"], "sigma_alpha is 0; it must be above 0"),
        (["sigma1=nan"], "sigma1 is nan"),
        (["iterations=0"], "iterations is 0; it must be at least 1"),
        (["w1=1", "w1=2"], "given twice"),
        (["iterations=5", "deeplab_v1_largefov"], "stands first"),
    ],
)
def test_wrong_parameters_are_refused(words, sentence):
    with pytest.raises(UsageError, match=sentence):
        crf_parameters(words)


def test_parameters_by_name():
    assert crf_parameters([]) == CRF_PARAMETERS["deeplab_v2_resnet101"] == CrfParameters()
    assert crf_parameters(["deeplab_v2_vgg16", "w2=5"]) == CrfParameters(2, 2, 5, 65, 3)
    assert crf_parameters(str(WIDE).split()) == WIDE
