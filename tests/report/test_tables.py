"""The tables of the report."""

import io

import pytest
from rich.console import Console

from overfitting.data.columns import NAMES
from overfitting.data.manifest import Manifest
from overfitting.report.tables import (
    EARLY,
    LATE,
    TERMINAL_WIDTH,
    column_notes,
    columns,
    definitions,
    more,
    ranking,
    ranking_table,
    variants,
)
from tests.builders.metrics import BASELINES, MANY, edited, invented, invented_data


def column(metrics, name):
    header, rows = ranking(metrics)
    return [row[header.index(name)] for row in rows]


def test_rows_are_early_stopping_then_blocks_then_baselines():
    metrics = invented(3, MANY, BASELINES)
    baselines = metrics.baselines
    names = sorted(baselines, key=lambda name: baselines[name].log_loss.mean)
    assert column(metrics, "variant") == ["early stopping", *MANY, *names]
    assert list(dict.fromkeys(column(metrics, "block"))) == ["ranked", "given strength", "ensemble", "baseline"]
    assert [name for name, best in zip(column(metrics, "variant"), column(metrics, "best"), strict=True) if best] == [
        MANY[0]
    ]


def test_both_questions_have_a_column_with_statuses():
    values = {"variants__tiny__early__difference__status": "undecided"}
    metrics = edited(invented(), **values, variants__tiny__early__difference__seeds_needed=9)
    late, early = (dict(zip(column(metrics, "variant"), column(metrics, name), strict=True)) for name in (LATE, EARLY))
    found = metrics.variants["tuned/l2"].late.difference
    expected = f"{found.mean:+.4f} ({found.ci_low:+.4f} to {found.ci_high:+.4f}): better"
    assert late["tuned/l2"] == expected
    assert early["tiny"].endswith(": undecided (9 seeds would decide)")
    assert late["large"] == early["large"] == "reference"
    assert late["early stopping"].endswith(": better")
    assert early["early stopping"] == "–"


@pytest.mark.parametrize("width", [80, TERMINAL_WIDTH])
def test_the_terminal_shows_the_ranking_without_cutting_it(width):
    metrics = invented(3, MANY, BASELINES)
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(ranking_table(metrics, width))
    text = console.export_text()
    assert ("to -" in text) == (width == TERMINAL_WIDTH)
    assert "…" not in text
    for name in column(metrics, "variant"):
        assert name in text
    assert f"{metrics.variants['tiny'].early.difference.mean:+.4f}" in text


def test_without_large_no_column_compares_with_it():
    metrics = invented(2, ["l2", "tiny"])
    assert not {LATE, EARLY} & set(ranking(metrics)[0])
    assert not {LATE, EARLY, "statuses"} & set(definitions(metrics))
    assert "±0.005" in definitions(invented())["statuses"]


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
    assert "1 is yes, 0 is no; 2 rows without a label were dropped." in column_notes(data)
