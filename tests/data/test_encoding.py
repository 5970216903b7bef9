"""Encoding of a user-supplied table: fitted to the training rows, applied to all rows."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overfitting.base.errors import UserError
from overfitting.data.encoding import Encoding
from overfitting.data.preparation import fit_encoding

TRAIN = pd.DataFrame({"x": np.float32([1, 2, np.nan, 9]), "y": np.float32([1, 2, 3, 4]), "c": ["a", "b", None, "a"]})


def frame(**columns):
    return pd.DataFrame({"x": np.float32([0]), "y": np.float32([0]), "c": ["a"], **columns})


def test_median_indicator_and_categories():
    encoding = fit_encoding(TRAIN, 20)
    assert encoding.features == ["x", "x=missing", "y", "c=a", "c=b", "c=missing"]
    assert encoding.apply(TRAIN).tolist() == [
        [1, 0, 1, 1, 0, 0],
        [2, 0, 2, 0, 1, 0],
        [2, 1, 3, 0, 0, 1],
        [9, 0, 4, 1, 0, 0],
    ]


def test_unseen_category_and_missing_value_in_a_column_complete_in_training():
    encoding = fit_encoding(TRAIN, 20)
    other = frame(y=np.float32([np.nan]), c=["z"])
    assert encoding.apply(other).tolist() == [[0, 0, 2.5, 0, 0, 0]]


def test_rare_categories_are_grouped_with_unseen_ones():
    encoding = fit_encoding(pd.DataFrame({"c": ["b", "b", "a", "c", "c", "d", None]}), 2)
    assert encoding.features == ["c=b", "c=c", "c=other", "c=missing"]
    rows = encoding.apply(pd.DataFrame({"c": ["a", "b", "z", None]}))
    assert rows.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_column_without_a_value_in_the_pool_is_an_error():
    with pytest.raises(UserError, match="column 'x': all values are missing, except in test rows"):
        fit_encoding(pd.DataFrame({"x": np.float32([np.nan])}), 20)


TABLES = st.lists(
    st.tuples(
        st.one_of(st.none(), st.floats(width=32, allow_nan=False, allow_infinity=False)),
        st.one_of(st.none(), st.sampled_from("abcdef")),
    ),
    min_size=1,
    max_size=30,
)


def table(rows):
    found = pd.DataFrame(rows, columns=["x", "c"])
    return found.astype({"x": np.float32, "c": object})


@settings(max_examples=60)
@given(train=TABLES, others=TABLES, limit=st.integers(1, 6))
def test_encoded_rows_are_finite_and_independent_of_each_other(train, others, limit):
    learned, applied = table([(1.0, "a"), *train]), table(others)
    encoding = fit_encoding(learned, limit)
    assert Encoding(**json.loads(json.dumps(encoding.as_dict()))) == encoding
    assert len(set(encoding.features)) == len(encoding.features)
    categories = [index for index, name in enumerate(encoding.features) if name.startswith("c=")]
    assert len(categories) <= limit + 2
    for rows in (learned, applied):
        encoded = encoding.apply(rows)
        assert encoded.shape == (len(rows), len(encoding.features))
        assert encoded.dtype == np.float32
        assert np.isfinite(encoded).all()
        known = rows["x"].notna().to_numpy()
        np.testing.assert_array_equal(encoded[known, 0], rows["x"][known])
        assert set(np.unique(encoded[:, 1:])) <= {0, 1}
        assert (encoded[:, categories].sum(1) <= 1).all()
    assert (encoding.apply(learned)[:, categories].sum(1) == 1).all()
    one_by_one = np.concatenate([encoding.apply(applied[i : i + 1]) for i in range(len(applied))])
    np.testing.assert_array_equal(one_by_one, encoding.apply(applied))
