"""`overfitting try` guesses the label, what counts as 1, and which columns to leave out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from overfitting.base.errors import UserError
from overfitting.data.sources.table.proposal import Proposal, propose

ROWS = 200
RANDOM = np.random.default_rng(0)
CHURN = np.where(RANDOM.random(ROWS) < 0.3, "left", "stayed")
CHURN[:12] = "left"


def table(**columns: object) -> pd.DataFrame:
    """A usable table with these further columns; its label is `churn`."""
    return pd.DataFrame({"fee": RANDOM.normal(size=ROWS), **columns, "churn": CHURN})


def proposed(frame: pd.DataFrame, folder: Path, label: str | None = "churn", **given: object) -> Proposal:
    path = folder / "mine.csv"
    frame.to_csv(path, index=False)
    chosen = {"positive": None, "drop": (), "categorical": (), **given}
    return propose(path, label, **chosen)  # type: ignore[arg-type]


def test_the_only_column_with_two_values_is_the_label(tmp_path):
    found = proposed(table(), tmp_path, label=None)
    assert found.data.label == "churn"
    assert "label: churn, the only column that fits; --label chooses another one" in found.notes


def test_of_several_columns_a_usual_name_decides(tmp_path):
    frame = table(sex=["f", "m"] * 100)
    with pytest.raises(UserError, match=r"which column is the label.* sex, churn; name it with --label"):
        proposed(frame, tmp_path, label=None)
    assert proposed(frame.rename(columns={"churn": "Target"}), tmp_path, label=None).data.label == "Target"


def test_without_a_column_of_two_values_there_is_no_label(tmp_path):
    with pytest.raises(UserError, match="no column has two values"):
        proposed(table().drop(columns="churn"), tmp_path, label=None)


@pytest.mark.parametrize(
    ("values", "positive", "share"),
    [
        (("left", "stayed"), None, "rarer"),
        (("no", "yes"), None, "common"),
        (("1", "0"), None, "rarer"),
        (("left", "stayed"), "stayed", "common"),
    ],
)
def test_yes_counts_as_one_or_else_the_rarer_value(values, positive, share, tmp_path):
    frame = table()
    frame["churn"] = np.where(CHURN == "left", *values)
    rare = (CHURN == "left").mean()
    expected = rare if share == "rarer" else 1 - rare
    assert proposed(frame, tmp_path, positive=positive).labels.mean() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (range(ROWS), "looks like a number of the row"),
        (RANDOM.permutation(ROWS), "looks like a number of the row"),
        ([f"{i:05}-x" for i in range(ROWS)], "200 different texts"),
        (pd.date_range("2020-01-01", periods=ROWS).astype(str), "holds dates"),
        (CHURN == "left", "tells the label in every row"),
        (np.where(CHURN == "left", RANDOM.choice(["price", "moved"], ROWS), ""), r"almost perfectly \(AUC 1.000\)"),
        (np.where(CHURN == "left", RANDOM.choice(["a", "b"], ROWS), "c"), r"almost perfectly \(AUC 1.000\)"),
        (RANDOM.normal(size=ROWS) + 100 * (CHURN == "left"), r"almost perfectly \(AUC 1.000\)"),
        ([""] * ROWS, "all values are missing"),
    ],
)
def test_columns_that_teach_nothing_or_too_much_are_left_out(column, reason, tmp_path):
    found = proposed(table(c=column), tmp_path)
    assert list(found.left_out) == ["c"] == list(found.data.drop)
    assert pd.Series(found.left_out).str.contains(reason).all()


@pytest.mark.parametrize(
    "column",
    [
        RANDOM.normal(size=ROWS) + 2 * (CHURN == "left"),
        RANDOM.choice(["a", "b", "c"], ROWS),
        RANDOM.integers(0, 9, ROWS),
        np.where(RANDOM.random(ROWS) < 0.3, "", "5"),
    ],
)
def test_ordinary_columns_stay(column, tmp_path):
    assert not proposed(table(c=column), tmp_path).left_out


def test_an_identifier_is_known_by_its_name(tmp_path):
    numbers = RANDOM.permutation(1000)[:ROWS]
    assert list(proposed(table(customerId=numbers, height=numbers), tmp_path).left_out) == ["customerId"]


def test_an_index_without_a_name_is_left_out(tmp_path):
    table().to_csv(tmp_path / "mine.csv")
    found = propose(tmp_path / "mine.csv", "churn", None, (), ())
    assert found.data.drop == ("Unnamed: 0",)


def test_missing_values_mixed_columns_and_equal_rows_are_settled(tmp_path):
    frame = table(zone=["1", "2", "x", "4"] * 50, age=["", *range(9)] * 20)
    frame.loc[3, "churn"] = None
    frame.loc[5] = frame.loc[4]
    found = proposed(frame, tmp_path)
    assert (found.data.missing, found.data.missing_labels, found.data.categorical) == ("impute", "drop", ("zone",))
    assert len(found.labels) == ROWS - 2
    assert "1 rows without a label are left out" in found.notes


def test_all_problems_that_remain_come_in_one_error(tmp_path):
    mixed = [*map(str, range(ROWS - 1)), "twelve"]
    frame = table(mixed=mixed, size=[1e39, *RANDOM.normal(size=ROWS - 1)])
    with pytest.raises(UserError, match=r"(?s)2 problems:.*expected a finite float32.*'twelve'"):
        proposed(frame, tmp_path)


def test_a_table_of_nothing_but_leaks_is_refused(tmp_path):
    frame = pd.DataFrame({"c": RANDOM.normal(size=ROWS) + 100 * (CHURN == "left"), "churn": CHURN})
    with pytest.raises(UserError, match="nothing is left to learn from"):
        proposed(frame, tmp_path)


@pytest.mark.parametrize(("label", "task"), [("fee", "regression"), ("plan", "multi-class")])
def test_other_tasks_are_named(label, task, tmp_path):
    with pytest.raises(UserError, match=f"only binary labels are supported, and this is {task}"):
        proposed(table(plan=["a", "b", "c", "d"] * 50), tmp_path, label=label)
