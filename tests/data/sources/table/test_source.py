import gzip
import hashlib
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

from overfitting.base.errors import UserError
from overfitting.config.sources import CsvData
from overfitting.data.columns import LABEL
from overfitting.data.sources.table import source
from overfitting.data.sources.table.source import fetch

CSV = "x,target,y\n1,0,2.5\n-3e1,1,4\n"


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "events.parquet"


def config(path: Path, label: str = "target", **settings: Any) -> CsvData:
    return CsvData(source="csv", path=str(path), label=label, **settings)


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
    assert provenance.model_dump(mode="json", exclude_none=True) == {
        "source": "csv",
        "url": str(path),
        "licence": "as supplied by the user",
        "citation": "as supplied by the user",
        "rows": 2,
        "held_out": 0,
        "columns": ["x", "y"],
        "label": "target",
        "part": "the whole file",
        "sha256": hashlib.sha256(CSV.encode()).hexdigest(),
        "sha256_of": "the file",
        "events_sha256": "",  # the stage adds it
        "table": {"positive": "1", "negative": "0", "unlabelled_dropped": 0, "max_categories": 20, "units": {}},
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
def test_spellings_of_the_same_table(text: str, events: Path) -> None:
    assert fetched(text, events) == {LABEL: [0, 1], "x": [1, -30], "y": [2.5, 4]}


def test_gzip(events: Path) -> None:
    path = events.parents[1] / "mine.csv.gz"
    path.write_bytes(gzip.compress(CSV.encode()))
    assert fetch(config(path), events).rows == 2


def test_booleans_and_label_called_label(events: Path) -> None:
    text = "a,label\ntrue,1\nfalse,0\n"
    assert fetched(text, events, "label") == {LABEL: [1, 0], "a": [1, 0]}


@pytest.mark.parametrize("block", [32, 100, 1 << 20])
def test_blocks_may_look_like_different_types(block: int, events: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(source, "BLOCK_BYTES", block)
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


def test_index_stored_by_pandas_is_no_feature(events: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "target": [0, 1]}, index=[7, 3])
    table = pa.Table.from_pandas(frame)
    assert "__index_level_0__" in table.column_names
    assert fetched(table, events) == {LABEL: [0, 1], "x": [1, 2]}


@settings(max_examples=30)
@given(
    values=st.lists(st.tuples(st.floats(width=32, allow_nan=False, allow_infinity=False), st.booleans()), min_size=2),
    is_parquet=st.booleans(),
)
def test_any_finite_float32_is_preserved(
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
def test_missing_values_are_an_error_by_default(value: str, events: Path) -> None:
    text = f"x,target,y\n1,0,2\n1,1,{value}\n"
    with pytest.raises(UserError, match=r"mine\.csv, data row 2, column 'y': the value is missing"):
        fetched(text, events)
    with pytest.raises(UserError, match="data row 1, label 'target': the value is missing"):
        fetched(f"x,target\n1,{value}\n", events)
    assert not events.exists()


@pytest.mark.parametrize("value", ["inf", "-Infinity", "1e39", "-1e400"])
def test_values_beyond_float32_are_an_error(value: str, events: Path) -> None:
    with pytest.raises(UserError, match="data row 2, column 'x': expected a finite float32, got " + value):
        fetched(f"x,target\n1,0\n{value},1\n", events)


@pytest.mark.parametrize("value", ["red", "2024-01-01", "1_000", "0x1F", "1;2", "true", "12%"])
def test_text_in_a_column_of_numbers_is_an_error(value: str, events: Path) -> None:
    with pytest.raises(UserError, match=f"data row 2, column 'x': expected a number, got '{value}': correct it, or"):
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
    monkeypatch.setattr(source, "BLOCK_BYTES", 64)
    text = "x,target\n" + "1,0\n2,1\n" * 100 + "?,0\n"
    with pytest.raises(UserError, match="data row 201, column 'x'"):
        fetched(text, events)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (["s", "b", "s"], "data.positive: expected 's' or 'b', the value of the label 'target' that .*; got none"),
        (
            ["0", "1", "2"],
            r"expected two values in the label 'target', found 3 \(the third in data row 3\): 0, 1, 2; .* multi-class",
        ),
        (
            [str(i) for i in range(20)],
            r"20 .*: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, \.\.\.; only binary labels .* multi-class",
        ),
        ([f"{i}.5" for i in range(1605)], r"found 1,605 .*; only binary labels are supported, and this is regression"),
        (["1", "1"], "expected two values in the label 'target', found 1: 1"),
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
        ("a;target\n1;0\n", "no such column, only a;target; columns are separated by commas, but here by ';'"),
        ("a,b,a,target\n1,2,3,0\n", "2 columns are called 'a'"),
        (",x,target\n0,1,0\n", r"column 1 has no name, .*leave it out \(data.drop: \['Unnamed: 0'\]\)"),
        ("label,target\n1,0\n", "the name 'label' is reserved for the label: rename it, or leave it out"),
        ("target\n1\n0\n", "expected columns beside the label 'target', found none"),
        ("x,target\n1,0\n1\n", "mine.csv: CSV parse error: .*Expected 2 columns, got 1"),
        ("", "mine.csv: Empty CSV file"),
        (b"PAR1 but no more", "mine.csv: .*"),
        (
            b"x,target\n\xff\xfe,0\n",
            "mine.csv: expected text in UTF-8, found another encoding, such as Latin-1; convert it",
        ),
    ],
)
def test_invalid_tables(text: str | bytes, reason: str, events: Path) -> None:
    with pytest.raises(UserError, match=reason):
        fetched(text, events)
    assert not events.exists()


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_no_such_file(name: str, events: Path) -> None:
    with pytest.raises(UserError, match="expected a CSV or Parquet file, found none"):
        fetch(config(events.parents[1] / name), events)


@pytest.mark.parametrize(
    ("values", "positive", "expected"),
    [
        (["-1", "1"], None, [0, 1]),
        (["2", "1"], None, [1, 0]),
        (["no", "yes"], None, [0, 1]),
        (["no", "yes"], True, [0, 1]),  # what YAML makes of yes
        (["True", "False"], None, [1, 0]),
        (["1", "0"], 0, [0, 1]),
        (["1.0", "0.0"], 0, [0, 1]),
        (["benign", "malignant"], "malignant", [0, 1]),
        (["benign", "malignant"], "benign", [1, 0]),
        (["> 50K", "<= 50K"], "> 50K", [1, 0]),
    ],
)
def test_any_two_values_can_be_a_label(values: list[str], positive: Any, expected: list[float], events: Path) -> None:
    path = saved("target,x\n" + "".join(f"{value},1\n" for value in values), events)
    table = fetch(config(path, positive=positive), events).table
    assert table is not None
    assert table.positive == values[expected.index(1)]
    assert pq.read_table(events)[LABEL].to_pylist() == expected


def test_positive_value_must_be_one_of_the_labels(events: Path) -> None:
    path = saved("target,x\na,1\nb,2\n", events)
    with pytest.raises(UserError, match=r"data\.positive: expected 'a' or 'b', .*; got 'c'"):
        fetch(config(path, positive="c"), events)


def test_rows_without_a_label_are_dropped_if_configured(events: Path) -> None:
    path = saved("target,x\n1,1\n,2\nNA,3\n0,4\n", events)
    provenance = fetch(config(path, missing_labels="drop"), events)
    assert provenance.table is not None
    assert (provenance.rows, provenance.table.unlabelled_dropped) == (2, 2)
    assert pq.read_table(events).to_pydict() == {LABEL: [1, 0], "x": [1, 4]}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_categories_and_missing_values(kind: str, events: Path) -> None:
    frame = pd.DataFrame({"x": [1.5, None, 3], "colour": ["red", None, " blue"], "zip": [1, 2, 2], "target": [0, 1, 1]})
    path = events.parents[1] / "mine"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    fetch(config(path, missing="impute", categorical=("zip",)), events)
    table = pq.read_table(events)
    assert table.to_pydict() == {
        LABEL: [0, 1, 1],
        "x": [1.5, None, 3],
        "colour": ["red", None, "blue"],
        "zip": ["1", "2", "2"],
    }
    assert [found.nullable for found in table.schema] == [False, True, True, False]


@pytest.mark.parametrize(
    ("settings_", "reason"),
    [
        ({"categorical": ("y",)}, r"data.categorical: expected names of columns \(x\), got 'y'"),
        ({"units": {"y": "mm"}}, r"data.units: expected names of columns \(x\), got 'y'"),
    ],
)
def test_settings_must_name_columns(settings_: dict[str, Any], reason: str, events: Path) -> None:
    with pytest.raises(UserError, match=reason):
        fetch(config(saved("target,x\n1,1\n0,2\n", events), **settings_), events)


def test_column_without_any_value_is_an_error(events: Path) -> None:
    with pytest.raises(
        UserError, match=r"column 'x': all values are missing \(to leave the column out: data.drop: \[x\]\)"
    ):
        fetch(config(saved("target,x\n1,\n0,\n", events), missing="impute"), events)
