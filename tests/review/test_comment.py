"""What a pull request changes, from the metrics before and after."""

import os
import subprocess
import sys

import pytest

from overfitting.base.errors import UserError
from overfitting.cli import commands
from overfitting.review.changes import Basis, Change
from overfitting.review.comment import describe, judged, lost_verdicts, ranking
from overfitting.review.github import MARK
from tests.report.test_page import invented


def rows(table):
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in table[2:]]


def change(variant="l2", metric="test_log_loss", mean=-0.01, p_holm=0.001, same=False):
    noise = {"ci_low": mean - 0.005, "ci_high": mean + 0.005, "p_holm": p_holm, "same": same, "confidence": 0.95}
    return Change(variant=variant, metric=metric, before=0.5, now=0.5 + mean, mean=mean, **noise)


def against_large(metrics, **p_values):
    """The metrics, where variants differ from large by -0.1 with these p-values."""
    for name, p_holm in p_values.items():
        metrics["variants"][name]["difference_to_large"]["test_log_loss"] |= {"mean": -0.1, "p_holm": p_holm}
    return metrics


def test_ranking_shows_before_and_now():
    before, after = invented(names=["l2", "large", "l1"]), invented(names=["dropout", "l2", "large"])
    found = rows(ranking(before, after, [change(mean=-0.01), change(metric="test_auc")]))
    assert [row[:3] for row in found] == [
        ["1", "–", "dropout"],
        ["2", "1", "l2"],
        ["3", "2", "large"],
        ["", "3", "~~l1~~"],
    ]
    loss = before["variants"]["l2"]["test_log_loss"]
    assert found[0][3] == "–"  # a new variant
    assert found[1][3] == f"{loss['mean']:.4f} ({loss['ci_low']:.4f} to {loss['ci_high']:.4f})"
    assert found[1][5] == "**-0.0100 (-0.0150 to -0.0050)**"
    assert found[2][6] == "reference"
    assert found[3][3].startswith(f"{before['variants']['l1']['test_log_loss']['mean']:.4f}")


def test_a_base_without_results_has_none():
    assert all(row[1] == row[3] == row[5] == "–" for row in rows(ranking(None, invented(), [])))


def test_only_what_is_beyond_noise_is_called_a_change():
    found = [
        change("l1", same=True, p_holm=None, mean=0.0),
        change("l2", mean=-0.01),
        change("l2", "test_auc", mean=-0.01),
        change("l2", "gap_best", mean=-0.01),
        change("dropout", p_holm=0.2),
    ]
    real, noise = judged(found, Basis.ROWS)
    assert "Of 5 metrics, 3 changed, 1 differ by no more than noise, 1 are the same" in real.lines[0]
    assert [(row[0], row[1], row[-1]) for row in rows(real.lines[2:])] == [
        ("l2", "test log loss", "better"),
        ("l2", "test auc", "worse"),
        ("l2", "gap best", "changed"),
    ]
    assert noise.folded
    assert [(row[0], row[-1]) for row in rows(noise.lines)] == [("dropout", "noise")]


def test_one_seed_is_said_to_tell_nothing():
    _, noise = judged([change(p_holm=None)], Basis.SEEDS)
    assert rows(noise.lines)[0][-2:] == ["–", "one seed"]


def test_nothing_is_lost_where_variants_stay_better():
    before = against_large(invented(names=["l2", "l1", "large"]), l2=0.01, l1=0.2)
    assert lost_verdicts(before, against_large(invented(names=["l1", "l2", "large"]), l2=0.04, l1=0.3), 0.95) == []
    assert lost_verdicts(before, against_large(invented(names=["l1", "l2", "large"]), l2=0.01, l1=0.01), 0.95) == []
    assert lost_verdicts(against_large(invented(names=["l2", "large"]), l2=0.2), invented(names=["large"]), 0.95) == []


def test_a_variant_that_is_no_longer_better_is_a_lost_verdict():
    before = against_large(invented(names=["l2", "l1", "large"]), l2=0.01, l1=0.02)
    after = against_large(invented(names=["l2", "l1", "large"]), l2=0.01, l1=0.06)
    lost = lost_verdicts(before, after, 0.95)
    assert lost == ["`l1` was better than large (-0.1000, p 0.0200) and no longer is (-0.1000, p 0.0600)"]
    assert lost_verdicts(before, after, 0.9) == []


def test_a_variant_that_became_worse_with_certainty_is_lost():
    before, after = (against_large(invented(names=["l2", "large"]), l2=0.01) for _ in range(2))
    after["variants"]["l2"]["difference_to_large"]["test_log_loss"]["mean"] = 0.1
    assert len(lost_verdicts(before, after, 0.95)) == 2


def test_that_nothing_is_better_any_more_is_lost_even_without_the_variants_that_were():
    before = against_large(invented(names=["l2", "l1", "large"]), l2=0.01, l1=0.2)
    after = against_large(invented(names=["l1", "large"]), l1=0.2)
    assert lost_verdicts(before, after, 0.95) == ["nothing is better than large any more"]
    assert "`large` is no longer trained" in lost_verdicts(before, invented(names=["l2", "l1"]), 0.95)[0]


def test_an_unknown_base_is_a_clear_error(project):
    subprocess.run(["git", "init", "--quiet"], check=True)
    with pytest.raises(UserError, match="got 'nowhere', which git does not know"):
        describe("nowhere")


@pytest.fixture
def committed(project):
    """The project with git and DVC, all committed, nothing reproduced."""
    for command in ("git init --quiet", "dvc init --quiet", "git add --all", "git commit --quiet --message base"):
        name = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        subprocess.run(command.split(), check=True, env={**os.environ, **name})
    return project


def test_a_wrong_configuration_is_told_in_the_comment(committed):
    (committed / "conf/variant/l2.yaml").write_text("# l2\nl2: -1\n")
    text, problems = describe("HEAD")
    assert "variant.l2: got -1" in problems[0]
    assert "variant.l2: got -1" in text
    assert "| conf/variant/l2.yaml | l2 " in " ".join(text.split())


def test_what_did_not_run_is_told_in_the_comment(committed):
    text, problems = describe("HEAD")
    assert text.startswith(MARK)
    assert any("`train@l2` failed or did not run" in problem for problem in problems)
    assert "None changed." in text


@pytest.mark.parametrize(("arguments", "status"), [(["HEAD"], 0), (["HEAD", "--check"], 1)])
def test_only_a_check_fails(committed, monkeypatch, capsys, arguments, status):
    monkeypatch.setattr(sys, "argv", ["overfitting", "changes", *arguments])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert ended.value.code == status
    assert capsys.readouterr().out.startswith(MARK)
