import gzip
import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overfitting.config import CsvData
from overfitting.errors import UserError
from overfitting.events import LABEL
from overfitting.sources import csv_table
from overfitting.sources.csv_table import fetch

CSV = "x,target,y\n1,0,2.5\n-3e1,1,4\n"


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "events.parquet"


def config(path: Path, label: str = "target") -> CsvData:
    return CsvData(source="csv", path=str(path), label=label)


def fetched(content: str | bytes | pa.Table, events: Path, label: str = "target") -> dict[str, list[float]]:
    return pq.read_table(events).to_pydict() if fetch(config(saved(content, events), label), events) else {}


def saved(content: str | bytes | pa.Table, events: Path) -> Path:
    if isinstance(content, pa.Table):
        path = events.parents[1] / "mine.parquet"
        pq.write_table(content, path)
        return path
    path = events.parents[1] / "mine.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_table_and_provenance(events: Path) -> None:
    path = saved(CSV, events)
    provenance = fetch(config(path), events)
    table = pq.read_table(events)
    assert table.schema.names == [LABEL, "x", "y"]
    assert set(table.schema.types) == {pa.float32()}
    assert table.to_pydict() == {LABEL: [0, 1], "x": [1, -30], "y": [2.5, 4]}
    assert json.loads(json.dumps(provenance)) == {
        "source": "csv",
        "url": str(path),
        "licence": "as supplied by the user",
        "citation": "as supplied by the user",
        "rows": 2,
        "columns": ["x", "y"],
        "label": "target",
        "part": "the whole file",
        "sha256": hashlib.sha256(CSV.encode()).hexdigest(),
        "sha256_of": "the file",
    }


@pytest.mark.parametrize(
    "text",
    [
        CSV.replace("\n", "\r\n"),
        CSV.rstrip("\n"),
        "\ufeff" + CSV,
        "x, target ,y\n 1,0, 2.5\n-3e1 ,1,4\n",
        '"x","target","y"\n"1","0","2.5"\n"-30","1","4.0"\n',
        "x,target,y\n1,False,2.5\n-30,TRUE,4\n",
        CSV.replace("\n", "\n\n"),
    ],
)
def test_ways_to_write_the_same_table(text: str, events: Path) -> None:
    assert fetched(text, events) == {LABEL: [0, 1], "x": [1, -30], "y": [2.5, 4]}


def test_compressed(events: Path) -> None:
    path = events.parents[1] / "mine.csv.gz"
    path.write_bytes(gzip.compress(CSV.encode()))
    assert fetch(config(path), events)["rows"] == 2


def test_booleans_and_label_called_label(events: Path) -> None:
    text = "a,label\ntrue,1\nfalse,0\n"
    assert fetched(text, events, "label") == {LABEL: [1, 0], "a": [1, 0]}


@pytest.mark.parametrize("block", [32, 100, 1 << 20])
def test_types_may_look_different_from_block_to_block(block: int, events: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(csv_table, "BLOCK_BYTES", block)
    rows = [*((i, i % 2) for i in range(30)), (0.5, 1), (1e-3, 0), (12345678, 1)]
    text = "x,target\n" + "".join(f"{x},{y}\n" for x, y in rows)
    table = fetched(text, events)
    assert np.array_equal(table["x"], np.float32([x for x, _ in rows]))
    assert table[LABEL] == [y for _, y in rows]


def test_parquet_types(events: Path) -> None:
    table = pa.table(
        {
            "a": pa.array([2**40, -1], pa.int64()),
            "b": pa.array([0.1, 1.5], pa.float64()),
            "c": pa.array([True, False]),
            "d": pa.array([1, 255], pa.uint8()),
            "e": pa.array([Decimal("1.25"), Decimal("-2.5")]),
            "f": pa.array([1, 2], pa.float16()),
            "g": pa.array(["1", "2"]).dictionary_encode(),
            "target": pa.array([True, False]),
        }
    )
    assert fetched(table, events) == {
        LABEL: [1, 0],
        "a": [2**40, -1],
        "b": [np.float32(0.1), 1.5],
        "c": [1, 0],
        "d": [1, 255],
        "e": [1.25, -2.5],
        "f": [1, 2],
        "g": [1, 2],
    }


def test_index_that_pandas_kept_is_no_feature(events: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "target": [0, 1]}, index=[7, 3])
    table = pa.Table.from_pandas(frame)
    assert "__index_level_0__" in table.column_names
    assert fetched(table, events) == {LABEL: [0, 1], "x": [1, 2]}


@settings(max_examples=30, deadline=None)
@given(
    values=st.lists(st.tuples(st.floats(width=32, allow_nan=False, allow_infinity=False), st.booleans()), min_size=2),
    is_parquet=st.booleans(),
)
def test_any_finite_float32_comes_back(
    values: list[tuple[float, bool]], is_parquet: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    values = [*values, (0.0, False), (1.0, True)]
    frame = pd.DataFrame(values, columns=["x", "target"])
    path = tmp_path_factory.mktemp("table") / "mine"
    frame.to_parquet(path) if is_parquet else frame.to_csv(path, index=False)
    fetch(config(path), path.with_name("events.parquet"))
    table = pq.read_table(path.with_name("events.parquet"))
    assert np.array_equal(table["x"], frame["x"].astype(np.float32))
    assert np.array_equal(table[LABEL], frame["target"])


@pytest.mark.parametrize("value", ["", "NA", "nan", "NaN", "null", "None", "?", "  "])
def test_missing_values_are_refused(value: str, events: Path) -> None:
    text = f"x,target,y\n1,0,2\n1,1,{value}\n"
    with pytest.raises(UserError, match=r"mine\.csv, data row 2, column 'y': the value is missing"):
        fetched(text, events)
    with pytest.raises(UserError, match="data row 1, label 'target': the value is missing"):
        fetched(f"x,target\n1,{value}\n", events)
    assert list(events.parent.iterdir()) == []


@pytest.mark.parametrize("value", ["inf", "-Infinity", "1e39", "-1e400"])
def test_values_beyond_float32_are_refused(value: str, events: Path) -> None:
    with pytest.raises(UserError, match="data row 2, column 'x': expected a finite float32, got " + value):
        fetched(f"x,target\n1,0\n{value},1\n", events)


@pytest.mark.parametrize("value", ["red", "2024-01-01", "1_000", "0x1F", "1;2", "true", "12%"])
def test_what_is_no_number_is_refused(value: str, events: Path) -> None:
    with pytest.raises(UserError, match=f"data row 2, column 'x': expected a number, got '{value}': encode"):
        fetched(f"x,target\n1,0\n{value},1\n", events)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pa.array([1.0, None]), "data row 2, column 'x': the value is missing"),
        (pa.array([1.0, np.nan]), "data row 2, column 'x': the value is missing"),
        (pa.array([1.0, -np.inf]), "data row 2, column 'x': expected a finite float32, got -inf"),
        (pa.array([1e39, 1]), r"data row 1, column 'x': expected a finite float32, got 1e\+39"),
        (pa.array([0, 1], pa.timestamp("s")), "data row 1, column 'x': expected a number, got datetime"),
        (pa.array([[1], [2]]), r"data row 1, column 'x': expected a number, got \[1\]"),
        (pa.array(["1", "a"]), "data row 2, column 'x': expected a number, got 'a'"),
        (pa.nulls(2), "data row 1, column 'x': the value is missing"),
    ],
)
def test_parquet_values_are_checked(column: pa.Array, reason: str, events: Path) -> None:
    with pytest.raises(UserError, match=rf"mine\.parquet, {reason}"):
        fetched(pa.table({"target": [0, 1], "x": column}), events)


def test_row_number_counts_all_blocks(events: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "BLOCK_BYTES", 64)
    text = "x,target\n" + "1,0\n2,1\n" * 100 + "?,0\n"
    with pytest.raises(UserError, match="data row 201, column 'x'"):
        fetched(text, events)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (["s", "b", "s"], "data row 1, label 'target': expected 0 or 1, or true or false, got s; .* are s, b"),
        (["0", "1", "2"], "data row 3, .* got 2; the values near it are 0, 1, 2"),
        (["-1", "1", "1"], "data row 1, .* got -1; the values near it are -1, 1"),
        (["0", "0.5", "1"], "data row 2, .* got 0.5"),
        (["inf", "0", "1"], "data row 1, .* got inf"),
        ([str(i) for i in range(20)], "are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...$"),
        (["1", "1"], "expected rows with both 0 and 1 in the label 'target', found only 1"),
        ([], "found no rows"),
    ],
)
def test_labels_must_be_binary(labels: list[str], reason: str, events: Path) -> None:
    with pytest.raises(UserError, match=reason):
        fetched("target,x\n" + "".join(f"{label},1\n" for label in labels), events)
    assert not events.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1,2\n", "data.label=target: .* has no such column, only a, b$"),
        ("a;target\n1;0\n", "no such column, only a;target; columns are separated by commas"),
        ("a,b,a,target\n1,2,3,0\n", "2 columns are called 'a'"),
        (",x,target\n0,1,0\n", "column 1 has no name: .*index=False"),
        ("label,target\n1,0\n", "the feature 'label' bears the name kept for the label"),
        ("target\n1\n0\n", "expected numeric columns beside the label 'target', found none"),
        ("x,target\n1,0\n1\n", "mine.csv: CSV parse error: .*Expected 2 columns, got 1"),
        ("", "mine.csv: Empty CSV file"),
        (b"PAR1 but no more", "mine.csv: .*"),
        (b"x,target\n\xff\xfe,0\n", "mine.csv: .*UTF8"),
    ],
)
def test_tables_of_another_shape(text: str | bytes, reason: str, events: Path) -> None:
    with pytest.raises(UserError, match=reason):
        fetched(text, events)
    assert not events.exists()


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_no_such_file(name: str, events: Path) -> None:
    with pytest.raises(UserError, match="expected a CSV or Parquet file, found none"):
        fetch(config(events.parents[1] / name), events)
