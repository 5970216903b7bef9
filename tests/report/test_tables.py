"""The tables of the report."""

import io

import pytest
from rich.console import Console

from overfitting.report.tables import TERMINAL_WIDTH, definitions, header, more, ranking, ranking_table, variants
from tests.builders.metrics import BASELINES, MANY, invented


def test_baselines_end_the_ranking_without_a_rank():
    metrics = invented(3, MANY, BASELINES)
    rows = ranking(metrics)
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
    for row in ranking(metrics):
        assert row[1] in text
        assert row[2] in text


def test_without_large_no_column_compares_with_it():
    assert "difference to large" in header(invented())
    metrics = invented(2, ["l2", "tiny"])
    assert not [name for name in header(metrics) if "large" in name or "Holm" in name]
    assert "difference to large" not in definitions(metrics)
    assert definitions(metrics)["group"].endswith("worse: all others")


def test_every_row_has_a_cell_per_column():
    metrics = invented(3, MANY, BASELINES)
    for names, rows in (more(metrics), variants(metrics), (header(metrics), ranking(metrics))):
        assert {len(row) for row in rows} == {len(names)}
    assert len(more(metrics)[1]) == len(MANY) + len(BASELINES)
