"""The order of examples: every one once an epoch, the same for the same seed, from any step, in any sharding."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseg.errors import UsageError
from kseg.pipeline import Order, Positives, batch_indices


def take(steps, *args, **kwargs):
    return [(epoch, indices.tolist()) for epoch, indices in islice(batch_indices(*args, **kwargs), steps)]


def test_an_epoch_shows_every_example_once_and_the_last_batch_may_be_short():
    batches = take(6, 7, 3, seed=1)
    assert [epoch for epoch, _ in batches] == [0, 0, 0, 1, 1, 1]
    assert [len(indices) for _, indices in batches] == [3, 3, 1, 3, 3, 1]
    for epoch in (0, 1):
        assert sorted(i for e, indices in batches if e == epoch for i in indices) == list(range(7))


def test_epochs_and_seeds_differ_and_the_same_seed_repeats():
    first, second = take(1, 50, 50, seed=1)[0][1], take(2, 50, 50, seed=1)[1][1]
    assert first != second
    assert first != take(1, 50, 50, seed=2)[0][1]
    assert first == take(1, 50, 50, seed=1)[0][1]


def test_without_shuffling_one_pass_in_order():
    assert take(None, 5, 2, seed=0, shuffle=False) == [(0, [0, 1]), (0, [2, 3]), (0, [4])]
    assert take(None, 5, 2, seed=0, shuffle=False, start_step=2) == [(0, [4])]


@settings(deadline=None, max_examples=50)
@given(n=st.integers(1, 30), size=st.integers(1, 12), start=st.integers(0, 20), seed=st.integers(0, 2**32 - 1))
def test_a_resumed_stream_equals_the_uninterrupted_one(n, size, start, seed):
    assert take(start + 5, n, size, seed=seed)[start:] == take(5, n, size, seed=seed, start_step=start)


@settings(deadline=None, max_examples=50)
@given(n=st.integers(1, 30), size=st.integers(1, 12), count=st.integers(1, 4))
def test_shards_partition_every_global_batch(n, size, count):
    whole = take(8, n, size, seed=3)
    parts = [take(8, n, size, seed=3, shard=(index, count)) for index in range(count)]
    for step, (epoch, indices) in enumerate(whole):
        assert {part[step][0] for part in parts} == {epoch}
        joined = sum((part[step][1] for part in parts), [])
        assert joined[: len(indices)] == indices
        lengths = [len(part[step][1]) for part in parts]
        assert min(lengths) >= 1  # no worker is left without an example
        assert max(lengths) - min(lengths) <= 1
        assert len(joined) == max(len(indices), count)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 4), "no example"), ((4, 0), "batch size is 0")],
)
def test_impossible_orders_are_named(arguments, message):
    with pytest.raises(UsageError, match=message):
        Order(*arguments)


def test_a_shard_that_does_not_exist_is_named():
    with pytest.raises(UsageError, match="shard 2 of 2"):
        Order(4, 2).at(0, (2, 2))


def test_a_caller_cannot_spoil_the_permutation_of_others():
    _, indices = Order(6, 3, seed=5).at(0)
    with pytest.raises(ValueError, match="read-only"):
        indices[0] = 0
    assert isinstance(indices, np.ndarray)


@settings(deadline=None, max_examples=100)
@given(
    n=st.integers(1, 40), size=st.integers(1, 12), share=st.floats(0.02, 1), wanted=st.integers(1, 3),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_every_batch_holds_its_positives(n, size, share, wanted, seed):
    shown = frozenset(np.random.default_rng(seed).permutation(n)[: max(1, int(share * n))].tolist())
    wanted = min(wanted, size)
    order = Order(n, size, seed, positives=Positives(shown, wanted))
    for epoch in range(3):
        first = epoch * order.steps_per_epoch
        batches = [order.at(first + step)[1].tolist() for step in range(order.steps_per_epoch)]
        assert all(sum(i in shown for i in batch) >= min(wanted, len(batch)) for batch in batches)
        seen = sum(batches, [])
        assert len(seen) == n and shown <= set(seen)  # a positive is never left out
        if len(shown) >= sum(min(wanted, len(batch)) for batch in batches):
            assert sorted(seen) == list(range(n))  # there are enough for all: an epoch shows everything once
        for batch in batches:
            if len(shown) >= wanted:
                assert len(set(batch)) == len(batch)  # none stands twice in one batch


def test_batches_that_hold_enough_positives_stay_as_they_are():
    positives = Positives(frozenset(range(100)), 1)
    assert take(20, 100, 10, seed=3, positives=positives) == take(20, 100, 10, seed=3)


def test_too_few_positives_take_turns_and_so_do_those_left_out():
    order = Order(12, 2, seed=5, positives=Positives(frozenset({3, 7}), 1))
    left_out = set()
    for epoch in range(40):
        seen = [i for step in range(6 * epoch, 6 * epoch + 6) for i in order.at(step)[1].tolist()]
        assert seen.count(3) == seen.count(7) == 3  # six batches, two positives
        left_out |= set(range(12)) - set(seen)
    assert left_out == set(range(12)) - {3, 7}  # each of the others waits now and then, none for ever


@settings(deadline=None, max_examples=30)
@given(n=st.integers(1, 30), size=st.integers(1, 12), start=st.integers(0, 20), count=st.integers(1, 4))
def test_with_positives_streams_resume_and_shards_partition(n, size, start, count):
    positives = Positives(frozenset({n // 2}), 1)
    whole = take(start + 5, n, size, seed=2, positives=positives)
    assert whole[start:] == take(5, n, size, seed=2, start_step=start, positives=positives)
    parts = [take(5, n, size, seed=2, shard=(index, count), positives=positives) for index in range(count)]
    for step, (_, indices) in enumerate(whole[:5]):
        assert sum((part[step][1] for part in parts), [])[: len(indices)] == indices


def test_impossible_positives_are_named():
    with pytest.raises(UsageError, match="no training image shows the category"):
        Positives(frozenset())
    with pytest.raises(UsageError, match="positives per batch are 0"):
        Positives(frozenset({1}), 0)
    with pytest.raises(UsageError, match="--positives-per-batch is 3 and a batch has 2 images"):
        Order(5, 2, positives=Positives(frozenset({1}), 3))
