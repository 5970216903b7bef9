"""The columns as the report lists them."""

from overfitting.data.columns import NAMES
from overfitting.report.columns import columns, notes


def test_roles_and_units_of_collisions():
    header, rows = columns({"columns": list(NAMES)})
    assert header == ["column", "role", "unit"]
    assert rows[0] == ["lepton_pt", "pt", "GeV / mean"]
    assert len(rows) == 28


def test_columns_that_nothing_is_known_of():
    assert columns({"columns": ["a"]})[1] == [["a", "other", "–"]]


def test_a_table_of_ones_own():
    age = {"name": "age", "role": "numeric", "unit": "years", "missing": 1200}
    job = {"name": "job", "role": "categorical", "unit": None, "missing": 0}
    job |= {"categories": 25, "grouped": 5, "unseen_rows": 3}
    table = {"positive": "yes", "negative": "no", "unlabelled_dropped": 2, "columns": [age, job]}
    header, rows = columns({"table": table})
    assert header == ["column", "role", "unit", "missing", "categories", "unseen"]
    assert rows == [
        ["age", "numeric", "years", "1,200", "–", "–"],
        ["job", "categorical", "–", "0", "25, 5 of them together as other", "3"],
    ]
    assert "1 is yes, 0 is no; rows without one: 2, dropped." in notes({"table": table})
