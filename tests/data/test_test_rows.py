"""With repeated splits each seed is tested on the rows that it neither trains nor validates on."""

import numpy as np
import pytest

from overfitting.base.errors import UserError
from overfitting.data.replicates import overlap, sample
from overfitting.data.test_rows import check_classes, correlation, own_rows, rows_per_seed
from tests.builders.prepared import write_rows

SIZES = {"search_rows": 5, "train_rows": 24, "validation_rows": 8, "pool_rows": 45, "resample": True}


def prepared(labels, is_repeated=True):
    """A manifest with a pool of 45 rows, which are the test rows, too, if the split is repeated."""
    pool = np.arange(90).reshape(45, 2)
    arrays = {"pool_features": pool, "test_features": pool if is_repeated else pool[:9] + 1}
    return write_rows({**arrays, "pool_labels": labels, "test_labels": labels}, test_rows=45, **SIZES)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_own_rows_are_those_that_a_seed_does_not_use():
    manifest, seeds = prepared(np.arange(45) % 2), [0, 1, 7]
    assert rows_per_seed(manifest) == 8
    for seed, own in zip(seeds, own_rows(manifest, seeds), strict=True):
        used = np.concatenate([np.arange(45)[rows] for rows in sample(manifest, seed)])
        assert sorted([*range(5), *used, *own]) == list(range(45))


def test_the_correlation_gives_the_factor_of_nadeau_and_bengio():
    q = correlation(prepared(np.arange(45) % 2), [0, 1, 2])
    assert q / (1 - q) == pytest.approx(8 / 24)


def test_shared_test_rows_stay_as_they_are():
    manifest = prepared(np.arange(45) % 2, is_repeated=False)
    assert own_rows(manifest, [0, 1]) is None
    assert rows_per_seed(manifest) == 45
    assert correlation(manifest, [0, 1]) == overlap(manifest, [0, 1])
    check_classes(manifest, [0, 1])


def test_test_rows_of_one_class_are_an_error():
    manifest = prepared(np.arange(45) == 0)
    with pytest.raises(UserError, match="the 8 test rows of seed 0 are all of one class; lower"):
        check_classes(manifest, [0])
