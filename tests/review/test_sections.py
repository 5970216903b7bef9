"""The comment as Markdown stays below GitHub's limit."""

import pytest

from overfitting.review.sections import LIMIT, Section, assemble


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
