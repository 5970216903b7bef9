"""What a pull request changes, from the metrics before and after."""

import subprocess

import pytest

from overfitting.changes import describe, ranking
from overfitting.errors import UserError
from tests.test_report import invented


def rows(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_ranking_shows_before_and_now():
    before, after = invented(names=["l2", "large", "l1"]), invented(names=["dropout", "l2", "large"])
    found = rows(ranking(before, after))
    assert [row[:2] for row in found] == [["1", "dropout"], ["2", "l2"], ["3", "large"], ["", "~~l1~~"]]
    assert found[0][2] == "–"  # a new variant
    loss = before["variants"]["l2"]["test_log_loss"]
    assert found[1][2] == f"{loss['mean']:.4f} ({loss['ci_low']:.4f} to {loss['ci_high']:.4f})"
    assert found[3][2].startswith(f"{before['variants']['l1']['test_log_loss']['mean']:.4f}")


def test_a_base_without_results_has_none():
    assert all(row[2] == "–" for row in rows(ranking(None, invented())))


def test_an_unknown_base_is_a_clear_error(project):
    subprocess.run(["git", "init", "--quiet"], check=True)
    (project / "results").mkdir(exist_ok=True)
    (project / "results/metrics.json").write_text("{}")
    with pytest.raises(UserError, match="got 'nowhere', which git does not know"):
        describe("nowhere")
