"""ISBI's measures of membranes: Rand score, warping error and pixel error, by hand and against plain loops."""

from itertools import product

import numpy as np
import pytest
from pytest import approx
from scipy import ndimage

from kseg.metrics import cells_between_membranes, membrane_rand, pixel_error, rand_score, warping_error
from kseg.metrics.warping import CELL, MEMBRANE, OUTSIDE, is_simple, warped_towards


def pairs_of_pixels(true, predicted):
    """The Rand score by its other meaning: of the ordered pairs of pixels, itself among them, which are together?"""
    pixels = [(t, s, place) for place, (t, s) in enumerate(zip(true.ravel(), predicted.ravel(), strict=True)) if t]
    both = in_truth = in_prediction = 0
    for (t, s, place), (other_t, other_s, other_place) in product(pixels, pixels):
        together = (s == other_s) if s and other_s else place == other_place
        in_truth += t == other_t
        in_prediction += together
        both += t == other_t and together
    return both / in_truth, both / in_prediction


def test_rand_by_hand():
    # 6 pixels of the truth are cells: 4 and 2. The prediction has 3 of the first, and its fourth with the second.
    true, predicted = np.array([[1, 1, 1, 1, 0, 2, 2]]), np.array([[5, 5, 5, 7, 7, 7, 7]])
    # p: (5, 1) 3, (7, 1) 1, (7, 2) 2 of 6: Σ p² = (9 + 1 + 4)/36; t: 4, 2: (16 + 4)/36; s: 3, 3: (9 + 9)/36
    score = rand_score(true, predicted)
    assert (score.split, score.merge) == (approx(14 / 20), approx(14 / 18))
    assert score.v_rand == approx(14 / (0.5 * 20 + 0.5 * 18))
    assert rand_score(true, true).v_rand == 1
    # no predicted segment anywhere: each pixel alone, Σ p² = 6/36
    none = rand_score(true, 0 * true)
    assert (none.split, none.merge) == (approx(6 / 20), 1)
    assert np.isnan(rand_score(0 * true, predicted).v_rand)
    with pytest.raises(ValueError, match="of one image"):
        rand_score(true, predicted.T)


@pytest.mark.parametrize("seed", range(6))
def test_rand_is_the_share_of_pairs_of_pixels(seed):
    rng = np.random.default_rng(seed)
    true, predicted = rng.integers(0, 4, (2, 7, 9))
    score = rand_score(true, predicted)
    assert (score.split, score.merge) == approx(pairs_of_pixels(true, predicted))


def test_cells_are_connected_by_edges_and_thin_membranes_by_nothing():
    cells = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 0], [0, 0, 0]], bool)
    assert cells_between_membranes(cells).tolist() == [[1, 0, 2], [0, 2, 2], [0, 0, 0], [0, 0, 0]]
    thin = cells_between_membranes(cells, thin=True)
    assert thin.min() == 1 and (thin[cells] == cells_between_membranes(cells)[cells]).all() and thin[3, 2] == 2
    assert not cells_between_membranes(np.zeros((2, 2), bool), thin=True).any()


def two_cells():
    true = np.ones((20, 30), bool)
    true[:, 14:16] = False
    return true


def test_what_each_measure_says_of_the_usual_mistakes():
    true = two_cells()
    thick, leak, lost = true.copy(), true.copy(), true.copy()
    thick[:, 12:18] = False  # the membrane is drawn three times as thick
    leak[10, 14:16] = True  # a hole in it, as wide as a pixel
    lost[:, 14:16] = True  # there is none
    assert membrane_rand(true, true).v_rand == membrane_rand(true, thick).v_rand == 1
    assert membrane_rand(true, leak).merge == approx(0.5) and membrane_rand(true, leak).split == 1
    assert warping_error(true, thick) == 0 and pixel_error(true, thick) == approx(80 / 600)
    assert warping_error(true, leak) == approx(1 / 600) and pixel_error(true, leak) == approx(2 / 600)
    assert warping_error(true, lost) == approx(20 / 600)  # the thinnest membrane that still divides
    speck = true.copy()
    speck[5, 5] = False
    assert warping_error(true, speck) == approx(1 / 600)
    for measure in (warping_error, pixel_error):
        assert measure(true, true) == 0 and np.isnan(measure(np.zeros((0, 3)), np.zeros((0, 3))))
        with pytest.raises(ValueError, match="two of one image"):
            measure(true, true.T)


def test_the_radius_bounds_how_far_a_border_is_warped():
    true, thick = two_cells(), two_cells()
    thick[:, 10:20] = False
    assert warping_error(true, thick) == warping_error(true, thick, radius=4) == 0
    assert warping_error(true, thick, radius=3) == approx(2 * 20 / 600)  # a column on either side stays
    # and nothing moves over pixels that are right: the old membrane thins to what still divides
    assert warping_error(true, np.roll(true, 9, axis=1)) == approx((20 + 40) / 600)


def pieces(map_, structure):
    return ndimage.label(map_, structure)[1]


def simple_by_flipping(around):
    """A pixel is simple if the 3 × 3 pixels have as many pieces of cell and of membrane without it as with it.

    Counted apart for the pixel as cell and as membrane; cells that touch it at a corner alone are not its concern.
    """
    ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    window = np.full((3, 3), OUTSIDE)
    for place, kind in zip(ring, around, strict=True):
        window[place] = kind
    cells, _ = ndimage.label(window == CELL)
    touching = {cells[place] for place in ((0, 1), (1, 0), (1, 2), (2, 1))} - {0}
    return len(touching) == 1 and pieces(window == MEMBRANE, np.ones((3, 3))) == 1


def test_simple_points_of_every_neighborhood():
    found = [is_simple(around) for around in product((OUTSIDE, MEMBRANE, CELL), repeat=8)]
    expected = [simple_by_flipping(around) for around in product((OUTSIDE, MEMBRANE, CELL), repeat=8)]
    assert found == expected and 0.05 < np.mean(found) < 0.5


@pytest.mark.parametrize("seed", range(5))
def test_warping_keeps_the_topology_and_leaves_no_pixel_that_could_still_flip(seed):
    rng = np.random.default_rng(seed)
    true, predicted = (ndimage.gaussian_filter(rng.normal(size=(24, 31)), 2) > -0.05 for _ in range(2))
    warped = warped_towards(true, predicted, radius=None)
    edges, corners = None, np.ones((3, 3))
    assert pieces(warped, edges) == pieces(true, edges) and pieces(~warped, corners) == pieces(~true, corners)
    assert (warped != predicted).sum() < (true != predicted).sum()
    # the same in plain loops: whatever still differs cannot flip
    kinds = np.pad(np.where(warped, CELL, MEMBRANE), 1, constant_values=OUTSIDE)
    for row, column in np.argwhere(warped != predicted):
        window = kinds[row : row + 3, column : column + 3]
        ring = [window[place] for place in ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))]
        assert not simple_by_flipping(ring)
