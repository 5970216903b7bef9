"""The comment is posted once and then replaced, whatever comments others wrote."""

import json
import sys

import pytest

from overfitting.base.errors import UserError
from overfitting.review.github import post
from overfitting.review.sections import MARK

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
    """A `gh` that keeps the comments of pull request 12 in a file, two per page; returns a function that reads them."""
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


def test_other_files_are_not_posted(github, tmp_path):
    before, file = github(), tmp_path / "comment.md"
    for text in (None, "", "something else"):
        if text is not None:
            file.write_text(text)
        with pytest.raises(UserError, match="expected the output of `make pr-report`"):
            post("12", file)
    assert github() == before


def test_a_missing_gh_and_a_refusal_are_clear_errors(github, tmp_path, monkeypatch):
    file = tmp_path / "comment.md"
    file.write_text(MARK)
    with pytest.raises(UserError, match=r"gh api .* failed"):
        post("13", file)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="expected GitHub's command line"):
        post("12", file)
