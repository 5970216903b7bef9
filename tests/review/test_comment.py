"""The comment on a pull request, from the metrics before and after."""

import os
import subprocess
import sys

import pytest

from overfitting.base.errors import UserError
from overfitting.cli import commands
from overfitting.evaluation import formats
from overfitting.evaluation.results import Difference
from overfitting.review import commits
from overfitting.review.changes import Basis, Change
from overfitting.review.comment import describe, judged, lost_verdicts, ranking
from overfitting.review.sections import MARK
from tests.builders.metrics import edited, invented


def rows(table):
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in table[2:]]


def change(variant="l2", metric="test_log_loss", mean=-0.01, p_holm=0.001, same=False):
    seeds = (0.0, 0.0) if same else (mean - 0.001, mean + 0.001)
    noise = {"ci_low": mean - 0.005, "ci_high": mean + 0.005, "std": 0.001, "p_value": p_holm, "p_holm": p_holm}
    size = Difference(mean=mean, seeds=seeds, **noise)
    return Change(variant=variant, metric=metric, before=0.5, now=0.5 + mean, size=size, confidence=0.95)


def against_large(metrics, **p_values):
    """The metrics, in which these variants differ from large by -0.1 with these p-values."""
    for name, p_holm in p_values.items():
        loss = f"variants__{name}__difference_to_large__test_log_loss"
        metrics = edited(metrics, **{f"{loss}__mean": -0.1, f"{loss}__p_holm": p_holm})
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
    assert found[0][3] == "–"  # a new variant
    assert found[1][3] == formats.estimate(before.variants["l2"].log_loss)
    assert found[1][5] == "**-0.0100 (-0.0150 to -0.0050)**"
    assert found[2][6] == "reference"
    assert found[3][3].startswith(f"{before.variants['l1'].log_loss.mean:.4f}")


def test_a_base_without_results_leaves_its_columns_empty():
    assert all(row[1] == row[3] == row[5] == "–" for row in rows(ranking(None, invented(), [])))


def test_only_what_exceeds_noise_is_called_a_change():
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


def test_one_seed_cannot_be_judged():
    _, noise = judged([change(p_holm=None)], Basis.SEEDS)
    assert rows(noise.lines)[0][-2:] == ["–", "one seed"]


def test_no_verdict_is_lost_if_variants_stay_better():
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


def test_a_variant_that_became_worse_is_a_lost_verdict():
    before, after = (against_large(invented(names=["l2", "large"]), l2=0.01) for _ in range(2))
    after = edited(after, variants__l2__difference_to_large__test_log_loss__mean=0.1)
    assert len(lost_verdicts(before, after, 0.95)) == 2


def test_no_better_variant_at_all_is_a_lost_verdict_even_if_the_better_ones_are_gone():
    before = against_large(invented(names=["l2", "l1", "large"]), l2=0.01, l1=0.2)
    after = against_large(invented(names=["l1", "large"]), l1=0.2)
    assert lost_verdicts(before, after, 0.95) == ["no variant is better than large any more"]
    assert "`large` is no longer trained" in lost_verdicts(before, invented(names=["l2", "l1"]), 0.95)[0]


def test_an_unknown_base_is_a_clear_error(project):
    subprocess.run(["git", "init", "--quiet"], check=True)
    with pytest.raises(UserError, match="got 'nowhere', which git does not know"):
        describe("nowhere")


@pytest.fixture
def committed(project):
    """The project with git and DVC: everything is committed, nothing is reproduced."""
    for command in ("git init --quiet", "dvc init --quiet"):
        subprocess.run(command.split(), check=True)
    commit_all("base")
    return project


def commit_all(message):
    person = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for command in (["add", "--all"], ["commit", "--quiet", "--message", message]):
        subprocess.run(["git", *command], check=True, env={**os.environ, **person})


def test_the_comment_reports_a_wrong_configuration(committed):
    (committed / "conf/variant/l2.yaml").write_text("# l2\nl2: -1\n")
    text, problems = describe("HEAD")
    assert "variant.l2: got -1" in problems[0]
    assert "variant.l2: got -1" in text
    assert "| conf/variant/l2.yaml | l2 " in " ".join(text.split())


def test_the_comment_reports_stages_that_did_not_run(committed):
    text, problems = describe("HEAD")
    assert text.startswith(MARK)
    assert any("`train@l2` failed or did not run" in problem for problem in problems)
    assert "None changed." in text


@pytest.mark.parametrize(("arguments", "status"), [(["HEAD"], 0), (["HEAD", "--check"], 1)])
def test_the_exit_status_is_1_only_with_check(committed, monkeypatch, capsys, arguments, status):
    monkeypatch.setattr(sys, "argv", ["overfitting", "changes", *arguments])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert ended.value.code == status
    assert capsys.readouterr().out.startswith(MARK)


def test_the_comment_says_why_an_older_base_cannot_be_compared(committed, monkeypatch):
    """The base's results have a layout that this version cannot read."""
    path = committed / "results/metrics.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"references": {}}')
    commit_all("results of an older version")
    invented().write(path)
    monkeypatch.setattr(commits, "outdated_stages", list)
    text, problems = describe("HEAD")
    assert problems == []
    reason = "The results of the base cannot be compared: results/metrics.json of commit "
    assert f"### Changes beyond noise\n\n{reason}" in text
    assert "expected the Metrics that this version writes; data: field required" in text
    assert "| 1 | – | l2_dropout | – |" in text


def test_the_comment_says_that_a_base_has_no_results(committed, monkeypatch):
    path = committed / "results/metrics.json"
    path.parent.mkdir(exist_ok=True)
    invented().write(path)
    monkeypatch.setattr(commits, "outdated_stages", list)
    text, problems = describe("HEAD")
    assert problems == []
    assert "has no results/metrics.json." in text
    assert "| 1 | – | l2_dropout | – |" in text
