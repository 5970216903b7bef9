"""The tables of the report."""

import io

import pytest
from rich.console import Console

from overfitting.data.columns import NAMES
from overfitting.data.manifest import Manifest
from overfitting.report.tables import (
    TERMINAL_WIDTH,
    column_notes,
    columns,
    definitions,
    more,
    ranking,
    ranking_table,
    variants,
)
from tests.builders.metrics import BASELINES, MANY, invented, invented_data


def test_baselines_end_the_ranking_without_a_rank():
    metrics = invented(3, MANY, BASELINES)
    _, rows = ranking(metrics)
    baselines = metrics.baselines
    assert [row[1] for row in rows[-3:]] == sorted(baselines, key=lambda name: baselines[name].log_loss.mean)
    assert {row[0] for row in rows[-3:]} == {"–"}
    assert {row[-1] for row in rows[-3:]} == {"not ranked"}
    assert [row[0] for row in rows[:-3]] == [str(rank) for rank in range(1, len(MANY) + 1)]


@pytest.mark.parametrize("width", [80, TERMINAL_WIDTH])
def test_the_terminal_shows_the_ranking_without_cutting_it(width):
    metrics = invented(3, MANY, BASELINES)
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(ranking_table(metrics, width))
    text = console.export_text()
    assert ("difference to large" in text) == (width == TERMINAL_WIDTH)
    assert "…" not in text
    for row in ranking(metrics)[1]:
        assert row[1] in text
        assert row[2] in text


def test_without_large_no_column_compares_with_it():
    assert "difference to large" in ranking(invented())[0]
    metrics = invented(2, ["l2", "tiny"])
    assert not [name for name in ranking(metrics)[0] if "large" in name or "Holm" in name]
    assert "difference to large" not in definitions(metrics)
    assert definitions(metrics)["group"].endswith("worse: all others")


def test_every_row_has_a_cell_per_column():
    metrics = invented(3, MANY, BASELINES)
    for names, rows in (more(metrics), variants(metrics), ranking(metrics)):
        assert {len(row) for row in rows} == {len(names)}
    assert len(more(metrics)[1]) == len(MANY) + len(BASELINES)


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
    assert "1 is yes, 0 is no; rows without a label: 2, dropped." in column_notes(data)
