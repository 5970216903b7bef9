"""The comment on a pull request, from the metrics before and after."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from overfitting.base.errors import UserError
from overfitting.cli import commands
from overfitting.review import commits
from overfitting.review.changes import Change, changes
from overfitting.review.comment import LIMIT, Section, assemble, describe, headlines, judged, lost, others
from tests.builders.metrics import edited, invented


def rows(section):
    """Cells of the table in a section."""
    lines = [line for line in section.lines if line.startswith("| ")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]


def results(**statuses):
    """Results of l1 and l2 with these statuses of early differences."""
    values = {f"variants__{name}__early__difference__status": status for name, status in statuses.items()}
    return edited(invented(6, ["l2", "l1", "large"]), **values)


def change(variant="l2", before="better", now="undecided", size=0.01, noise=0.005):
    sides = (results(l2=status).variants["l2"].early.difference for status in (before, now))
    return Change(variant, "early", *sides, size, noise)


def test_a_status_lost_beyond_noise_fails_the_check():
    assert lost(results(), results(), [change()]) == [
        "`l2` (early) was better (-0.0975 (-0.1075 to -0.0855)) and is now undecided (-0.0975 (-0.1075 to -0.0855))"
    ]
    assert len(lost(results(), results(), [change(before="equivalent", now="worse")])) == 1


@pytest.mark.parametrize(
    "found",
    [
        [],
        [change(noise=0.02)],
        [change(noise=np.inf)],
        [change(now="better")],
        [change(size=-0.01, now="better")],
        [change(before="equivalent", now="undecided")],
    ],
)
def test_the_check_passes_if_no_status_is_lost_beyond_noise(found):
    assert lost(results(), results(), found) == []


def test_the_check_fails_if_nothing_can_be_called_better_any_more():
    before = results(l2="better")
    assert "`large` is no longer trained" in lost(before, invented(6, ["l2", "l1"]), [])[0]
    assert "only one seed" in lost(before, invented(1, ["l2", "l1", "large"]), [])[0]
    nothing = edited(invented(6, ["large", "l1"]), early_stopping__status="undecided")
    assert lost(nothing, invented(6, ["l1"]), []) == []
    assert lost(invented(1, ["l2", "large"]), invented(1, ["l2"]), []) == []


def test_changes_beyond_noise_come_first_and_the_rest_is_folded():
    found = [
        change("l2", noise=0.0),
        change("l1", before="undecided", now="better", size=-0.02),
        change("dropout", "better", "better", size=0.001),
        change("tiny", "worse", "worse", size=0.0, noise=0.0),
        change("small", "better", "one seed", noise=np.inf),
    ]
    main, rest = judged(results(), results(), found)
    assert "paired by seed" in main.lines[0]
    assert "Of 5 differences, 2 changed, 2 moved within noise and 1 stayed the same." in main.lines[0]
    assert [(row[0], *row[4:]) for row in rows(main)][:2] == [
        ("l2", "**+0.0100**", "±0.0000", "better → undecided"),
        ("l1", "**-0.0200**", "±0.0050", "undecided → better"),
    ]
    assert rest.folded
    assert [(row[0], *row[4:]) for row in rows(rest)] == [
        ("dropout", "+0.0010", "±0.0050", "better"),
        ("tiny", "same", "–", "worse"),
        ("small", "+0.0100", "–", "better → one seed"),
    ]
    assert "Lost, but other seeds alone do as much: `small` (early) was better" in main.lines[2]


def test_what_matters_comes_first():
    found = [
        change("tiny", "worse", "worse", size=0.02),
        change("l1", "undecided", "better", size=-0.03),
        change("dropout", "better", "better", size=0.001),
        change("l2", "better", "worse", size=0.067),
    ]
    names = ["l1", "l2", "tiny", "dropout", "large"]
    before, after = invented(6, names), invented(6, names)
    assert headlines(before, after, found)[:3] == [
        "`l2`: better → worse, +0.067 (early)",
        "`l1`: undecided → better, -0.030 (early)",
        "`tiny`: worse, +0.020 (early)",
    ]


def test_the_headlines_name_new_and_missing_variants_and_are_few():
    before, after = invented(6, ["l2", "tiny", "large"]), invented(6, ["wide", "l2", "large"])
    lines = headlines(before, after, changes(before, after))
    assert any(re.fullmatch(r"`wide` is new: \w+ \(late\) and \w+ \(early\)", line) for line in lines)
    assert "`tiny` is no longer trained" in lines
    assert headlines(before, before, changes(before, before)) == ["No difference to `large` changed beyond noise"]
    many = [change(f"l{number}", size=1.0) for number in range(20)]
    *_, last = lines = headlines(before, before, many)
    assert len(lines) == 6
    assert re.fullmatch(r"and \d+ more changes, in the table below", last)


def test_other_metrics_are_folded_and_not_judged():
    """A collapsed network is well calibrated; the comment never calls that better."""
    before = invented(6, ["l2", "large"])
    after = edited(before, variants__l2__early__metrics__test_calibration_error__mean=0.0)
    section = others(before, after)
    assert section.folded
    [row] = rows(section)
    assert row[0] == "l2"
    assert row[-1].endswith("→ 0.0000")
    assert not any(word in section.text() for word in ("better", "worse"))
    assert others(before, before).lines == ["No metric changed."]


def test_new_variants_are_shown_and_missing_ones_named():
    before, after = invented(6, ["l2", "tiny", "large"]), invented(6, ["wide", "l2", "large"])
    main, rest = judged(before, after, changes(before, after))
    assert ["wide", "late", "–"] in [row[:3] for row in rows(main)]
    assert "wide" not in {row[0] for row in rows(rest)}
    assert "No longer trained: `tiny`." in main.lines


def test_without_a_common_difference_all_rows_are_new():
    (main,) = judged(results(), invented(6, ["l2"]), [])
    assert main.lines[0] == "The two commits have no difference to `large` in common."
    assert rows(main) == []


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
    assert text.startswith("**")
    assert any("`train@l2` failed or did not run" in problem for problem in problems)
    assert "None changed." in text


@pytest.mark.parametrize(("arguments", "status"), [(["HEAD"], 0), (["HEAD", "--check"], 1)])
def test_the_exit_status_is_1_only_with_check(committed, monkeypatch, capsys, arguments, status):
    monkeypatch.setattr(sys, "argv", ["overfitting", "changes", *arguments])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert ended.value.code == status
    assert capsys.readouterr().out.startswith("**")


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
    assert f"### Differences to `large` that changed\n\n{reason}" in text
    assert "expected the Metrics that this version writes; data: field required" in text
    assert "| l2_dropout | late | – | -" in text


def test_the_comment_says_that_a_base_has_no_results(committed, monkeypatch):
    path = committed / "results/metrics.json"
    path.parent.mkdir(exist_ok=True)
    invented().write(path)
    monkeypatch.setattr(commits, "outdated_stages", list)
    text, problems = describe("HEAD")
    assert problems == []
    assert "has no results/metrics.json." in text
    assert "| l2_dropout | late | – | -" in text


def test_each_headline_has_a_line():
    assert assemble(["One", "two"], []).startswith("**One**  \n**two**\n\nThe full report")


def test_sections_follow_the_headline():
    text = assemble(["The answer."], [Section("One", ["a", "b"]), Section("Two", ["c"], folded=True)])
    assert text.startswith("**The answer.**\n\n### One\n\na\nb\n\n<details><summary>Two</summary>\n\nc\n")
    assert "left out" not in text


@pytest.mark.parametrize("lines", [["| é |"] * 100_000, ["x" * 1_000_000] * 3, [f"{'y' * 1999}"] * 50])
def test_a_long_comment_loses_the_last_lines_of_its_longest_section(lines):
    text = assemble(["The answer."], [Section("Short", ["kept"]), Section("Long", lines, folded=True)])
    assert len(text.encode()) <= LIMIT
    assert "### Short\n\nkept" in text
    assert text.count("<details>") == text.count("</details>") == 1
    assert lines[0][:1000] in text


def test_the_comment_says_how_many_lines_are_left_out():
    text = assemble(["The answer."], [Section("Long", [f"line {number}" for number in range(1000)])], limit=5000)
    shown = sum(line.startswith("line ") for line in text.splitlines())
    assert f"*{1000 - shown} more lines are left out" in text
    assert shown > 200


def test_the_report_is_a_link_in_a_workflow_and_a_path_elsewhere(monkeypatch):
    monkeypatch.delenv("GITHUB_RUN_ID", raising=False)
    assert "results/report.html" in assemble(["The answer."], [])
    for name, value in (("SERVER_URL", "https://host"), ("REPOSITORY", "o/r"), ("RUN_ID", "7")):
        monkeypatch.setenv(f"GITHUB_{name}", value)
    assert "(https://host/o/r/actions/runs/7#artifacts)" in assemble(["The answer."], [])
