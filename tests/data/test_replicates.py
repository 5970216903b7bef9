"""The rows of each seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overfitting.base.errors import UserError
from overfitting.data.manifest import Manifest
from overfitting.data.replicates import check_classes, overlap, sample, search_sample
from tests.builders.metrics import invented_data
from tests.builders.prepared import write_rows


def manifest(train=20, validation=10, search=15, pool=115, resample=True) -> Manifest:
    rows = {"train_rows": train, "validation_rows": validation, "search_rows": search, "pool_rows": pool}
    return Manifest.model_validate({**invented_data(), **rows, "resample": resample})


def rows(found) -> tuple[set[int], set[int]]:
    """Indices of the training and validation rows of a sample."""
    every = np.arange(1000)
    return tuple(set(every[chosen].tolist()) for chosen in found)


SIZES = st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(0, 30), st.integers(0, 200), st.integers(0, 50))


@given(SIZES)
def test_samples_have_their_size_and_hands_of_a_deal_are_disjoint(sizes):
    train, validation, search, more, seed = sizes
    found = manifest(train, validation, search, search + train + validation + more)
    hands = (train + validation + more) // (train + validation)
    deal = [rows(sample(found, seed // hands * hands + hand)) for hand in range(hands)]
    assert all((len(of_train), len(of_validation)) == (train, validation) for of_train, of_validation in deal)
    assert len(set().union(*(part for hand in deal for part in hand))) == hands * (train + validation)
    assert min(index for hand in deal for part in hand for index in part) >= search
    assert [rows(sample(found, seed))] == [rows(sample(found, seed))]


def test_the_first_deal_has_the_order_of_the_pool_and_needs_no_copy():
    assert sample(manifest(), 0) == (slice(25, 45), slice(15, 25))
    assert sample(manifest(), 2) == (slice(85, 105), slice(75, 85))
    assert not isinstance(sample(manifest(), 3).train, slice)
    assert rows(sample(manifest(), 3)) != rows(sample(manifest(), 6))


def test_without_resampling_all_seeds_share_the_first_sample():
    assert sample(manifest(resample=False), 7) == sample(manifest(), 0)


def test_a_search_has_rows_that_no_seed_sees():
    found = manifest(search=35)
    searched = set().union(*(part for seed in range(3) for part in rows(search_sample(found, seed))))
    seen = set().union(*(part for seed in range(9) for part in rows(sample(found, seed))))
    assert searched <= set(range(35))
    assert not searched & seen
    assert search_sample(manifest(search=0), 2) == sample(manifest(search=0), 2)


def test_the_overlap_is_the_expected_share_of_common_training_rows():
    found = manifest(train=40, validation=10, search=0, pool=104)
    assert overlap(found, [0, 1]) == 0
    assert overlap(found, [0]) == overlap(manifest(resample=False), [0, 5]) == 0
    across = [(a, b) for a in range(0, 40, 2) for b in range(a + 2, 40, 2)]
    shares = [len(rows(sample(found, a))[0] & rows(sample(found, b))[0]) / 40 for a, b in across]
    assert overlap(found, [0, 2]) == pytest.approx(np.mean(shares), abs=0.01)
    assert overlap(found, [0, 1, 2, 3]) == pytest.approx(4 / 6 * 40 / 104)


def test_a_sample_of_one_class_is_an_error_before_any_training(project):
    labels = np.tile([0, 1], 60).astype(np.float32)
    write_rows({"pool_features": np.zeros((120, 2)), "pool_labels": labels})
    check_classes(manifest(), range(6))
    labels[45:55] = 1  # the validation rows of seed 1
    write_rows({"pool_labels": labels})
    check_classes(manifest(), [0, 2])
    with pytest.raises(UserError, match=r"split\.validation: .* all 10 validation rows of seed 1 have the label 1"):
        check_classes(manifest(), range(6))
