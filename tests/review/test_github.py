"""The comment stays below GitHub's limit, and takes the place of our last one, whatever others wrote."""

import json
import sys

import pytest

from overfitting.base.errors import UserError
from overfitting.review.github import LIMIT, MARK, Section, assemble, post

GH = """#!{python}
import json, pathlib, sys
state = pathlib.Path({state!r})
comments = json.loads(state.read_text())
api, *arguments = sys.argv[1:]
assert api == "api"
if "--paginate" in arguments:
    assert arguments == ["--paginate", "--slurp", "repos/o/r/issues/12/comments?per_page=100"]
    print(json.dumps([comments[:2], comments[2:]]))
    sys.exit()
flag, method, target, field, body = arguments
assert (flag, field) == ("--method", "--field") and body.startswith("body=@")
text = pathlib.Path(body.removeprefix("body=@")).read_text()
if method == "POST":
    assert target == "repos/o/r/issues/12/comments"
    comments.append({{"id": 100 + len(comments), "body": text, "user": {{"type": "Bot"}}}})
else:
    assert method == "PATCH"
    number = int(target.removeprefix("repos/o/r/issues/comments/"))
    next(found for found in comments if found["id"] == number)["body"] = text
state.write_text(json.dumps(comments))
"""


@pytest.fixture
def github(tmp_path, monkeypatch):
    """A `gh` that keeps the comments of pull request 12 in a file, in pages of two; returns what is in it."""
    state = tmp_path / "comments.json"
    others = [
        {"id": 1, "body": "Nice.", "user": {"type": "User"}},
        {"id": 2, "body": f"{MARK}\nquoted by a person", "user": {"type": "User"}},
        {"id": 3, "body": "another bot's", "user": {"type": "Bot"}},
    ]
    state.write_text(json.dumps(others))
    gh = tmp_path / "bin/gh"
    gh.parent.mkdir()
    gh.write_text(GH.format(python=sys.executable, state=str(state)))
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", str(gh.parent))
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")
    return lambda: json.loads(state.read_text())


def test_the_comment_is_created_once_and_then_updated(github, tmp_path):
    before, file = github(), tmp_path / "comment.md"
    file.write_text(f"{MARK}\nfirst")
    post("12", file)
    assert github()[:-1] == before
    assert github()[-1]["body"] == f"{MARK}\nfirst"
    file.write_text(f"{MARK}\nsecond")
    post("12", file)
    assert github()[:-1] == before
    assert github()[-1]["body"] == f"{MARK}\nsecond"


def test_what_is_no_comment_of_ours_is_not_posted(github, tmp_path):
    before, file = github(), tmp_path / "comment.md"
    for text in (None, "", "something else"):
        if text is not None:
            file.write_text(text)
        with pytest.raises(UserError, match="expected the output of `make pr-report`"):
            post("12", file)
    assert github() == before


def test_without_gh_or_with_its_refusal_the_error_is_clear(github, tmp_path, monkeypatch):
    file = tmp_path / "comment.md"
    file.write_text(MARK)
    with pytest.raises(UserError, match=r"gh api .* failed"):
        post("13", file)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="expected GitHub's command line"):
        post("12", file)


def test_sections_follow_the_mark_and_the_headline():
    text = assemble("The answer.", [Section("One", ["a", "b"]), Section("Two", ["c"], folded=True)])
    assert text.startswith(f"{MARK}\n\n**The answer.**\n\n### One\n\na\nb\n\n<details><summary>Two</summary>\n\nc\n")
    assert "left out" not in text


@pytest.mark.parametrize("lines", [["| é |"] * 100_000, ["x" * 1_000_000] * 3, [f"{'y' * 1999}"] * 50])
def test_a_long_comment_loses_the_last_lines_of_the_longest_section(lines):
    text = assemble("The answer.", [Section("Short", ["kept"]), Section("Long", lines, folded=True)])
    assert len(text.encode()) <= LIMIT
    assert "### Short\n\nkept" in text
    assert text.count("<details>") == text.count("</details>") == 1
    assert lines[0][:1000] in text


def test_it_says_how_many_lines_are_left_out():
    text = assemble("The answer.", [Section("Long", [f"line {number}" for number in range(1000)])], limit=5000)
    shown = sum(line.startswith("line ") for line in text.splitlines())
    assert f"*{1000 - shown} more lines are left out" in text
    assert shown > 200


def test_the_report_is_linked_where_a_run_has_it(monkeypatch):
    monkeypatch.delenv("GITHUB_RUN_ID", raising=False)
    assert "results/report.html" in assemble("The answer.", [])
    for name, value in (("SERVER_URL", "https://host"), ("REPOSITORY", "o/r"), ("RUN_ID", "7")):
        monkeypatch.setenv(f"GITHUB_{name}", value)
    assert "(https://host/o/r/actions/runs/7#artifacts)" in assemble("The answer.", [])
