"""Manifest, example rows and notes of a user-supplied table."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overfitting.base.errors import UserError
from overfitting.config.composition import compose_config
from overfitting.config.schema import Preprocessing, Split
from overfitting.data.description import describe, example, notes
from overfitting.data.events import Events, numbers, read_events, table_schema, write_table
from overfitting.data.manifest import Example, Manifest, Provenance, TableColumn, TableReading
from overfitting.data.preparation import Prepared, prepare

READING = TableReading(
    positive="yes", negative="no", unlabelled_dropped=2, max_categories=2, units={"x": "mm", "colour": "-"}
)
SPLIT = Split(train=4, validation=2, test=2)
PREPROCESSING = Preprocessing(scaling="standard", shuffle_seed=None, duplicates="keep", without=())
PROVENANCE = Provenance(
    source="csv", licence="-", citation="-", rows=8, columns=("x", "colour"), sha256="-", sha256_of="-", table=READING
)


@pytest.fixture
def events(tmp_path: Path) -> Events:
    x = pa.array([1, None, 3, 4, 5, None, 7, 8], pa.float32())
    colour = pa.array(["red", None, "red", "blue", "blue", "green", "pink", "red"])
    labels = pa.array([0, 1, 0, 1, 1, 0, 1, 0], pa.float32())
    pq.write_table(pa.table({"label": labels, "x": x, "colour": colour}), tmp_path / "events.parquet", row_group_size=3)
    return read_events(tmp_path / "events.parquet")


@pytest.fixture
def prepared(events: Events, tmp_path: Path) -> Prepared:
    """Rows 1 to 6 are the pool, 7 and 8 are test rows."""
    return prepare(events, SPLIT, PREPROCESSING, PROVENANCE, tmp_path)


@pytest.fixture
def manifest(events: Events, prepared: Prepared, project: Path) -> Manifest:
    """The manifest of the prepared rows."""
    config = dataclasses.replace(compose_config([]), split=SPLIT, preprocessing=PREPROCESSING)
    return describe(events, prepared, PROVENANCE, config, {})


def test_categories_are_counted_by_hand(manifest: Manifest) -> None:
    assert manifest.table is not None
    assert manifest.table.columns == (
        TableColumn(name="x", role="numeric", unit="mm", missing=2),
        TableColumn(
            name="colour", role="categorical", unit="-", missing=1, categories=3, grouped=1, unseen_rows=1
        ),  # blue, green and red in the pool; pink is unseen
    )
    assert manifest.categorical == {"colour"}
    assert (manifest.pool_signal_share, manifest.test_signal_share) == (0.5, 0.5)


def test_notes_list_everything_unusual(manifest: Manifest) -> None:
    assert manifest.table is not None
    assert notes(manifest.table) == [
        "label: 1 is yes, 0 is no",
        "rows without a label dropped: 2",
        "x: 2 missing values filled in",
        "colour: 1 missing values filled in",
        "colour: 1 rare categories of the pool grouped as other",
        "colour: 1 rows with a category that only test rows have",
    ]


def test_example_has_raw_values_and_missing_ones(events: Events, prepared: Prepared) -> None:
    rows = ((1.0, "red"), (None, None), (3.0, "red"))
    assert example(events, prepared) == Example(columns=("x", "colour"), rows=rows)


def test_categories_are_numbered_by_appearance(events: Events) -> None:
    np.testing.assert_array_equal(numbers(events.column("colour")), [0, np.nan, 0, 1, 1, 2, 3, 0])


def test_name_that_continues_another_one_after_a_dot_selects_its_own_column(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    schema = table_schema(["a.b", "a", "a.b.c"])
    batch = pa.RecordBatch.from_arrays([pa.array([value], pa.float32()) for value in (0, 1, 2, 3)], schema=schema)
    write_table(path, [batch], schema)
    found = read_events(path)
    assert found.names == ("a.b", "a", "a.b.c")
    assert [numbers(found.column(name)).tolist() for name in found.names] == [[1], [2], [3]]
    assert not found.needs_encoding


def test_missing_events_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected .*events\.parquet, which the stage download writes"):
        read_events(tmp_path / "events.parquet")
