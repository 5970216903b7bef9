"""The table of the data's columns."""

from overfitting.data.columns import NAMES
from overfitting.data.manifest import Manifest
from overfitting.report.columns import columns, notes
from tests.builders.metrics import invented_data


def manifest(**values):
    return Manifest.model_validate({**invented_data(), **values})


def test_roles_and_units_of_collisions():
    header, rows = columns(manifest(columns=NAMES))
    assert header == ["column", "role", "unit"]
    assert rows[0] == ["lepton_pt", "pt", "GeV / mean"]
    assert len(rows) == 28


def test_unknown_columns_have_the_role_other():
    assert columns(manifest(columns=["a"]))[1] == [["a", "other", "–"]]


def test_a_user_supplied_table():
    age = {"name": "age", "role": "numeric", "unit": "years", "missing": 1200}
    job = {"name": "job", "role": "categorical", "unit": None, "missing": 0}
    job |= {"categories": 25, "grouped": 5, "unseen_rows": 3}
    data = manifest(table={"positive": "yes", "negative": "no", "unlabelled_dropped": 2, "columns": [age, job]})
    header, rows = columns(data)
    assert header == ["column", "role", "unit", "missing", "categories", "unseen"]
    assert rows == [
        ["age", "numeric", "years", "1,200", "–", "–"],
        ["job", "categorical", "–", "0", "25, 5 of them grouped as other", "3"],
    ]
    assert "1 is yes, 0 is no; rows without a label: 2, dropped." in notes(data)
