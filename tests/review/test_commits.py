"""Results at a commit, and differences of the working tree from it."""

import json
import subprocess

import pytest
import yaml

from overfitting.base.errors import UserError
from overfitting.review import commits
from tests.builders.metrics import invented


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository in the current folder with one commit: two stages, metrics, two figures."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch=main")
    git("config", "user.name", "a")
    git("config", "user.email", "a@b")
    (tmp_path / "results/figures").mkdir(parents=True)
    invented(2).write(tmp_path / "results/metrics.json")
    for name in ("forest", "curves"):
        (tmp_path / f"results/figures/{name}.svg").write_text(name)
    lock(a={"cmd": "a", "deps": [{"path": "x", "md5": "1"}], "outs": []}, b={"cmd": "b", "params": {"p": {"k": 1}}})
    commit()
    return tmp_path


def git(*arguments):
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def commit():
    git("add", "--all")
    git("commit", "--quiet", "--message", "x")


def lock(**stages):
    commits.LOCK.write_text(yaml.safe_dump({"stages": stages}))


def test_later_commits_of_the_base_are_no_changes_of_the_branch(repository):
    start = git("rev-parse", "HEAD")
    git("switch", "--quiet", "--create", "branch")
    git("switch", "--quiet", "main")
    (repository / "new").write_text("on main, later")
    commit()
    git("switch", "--quiet", "branch")
    assert commits.common_ancestor("main") == start


def test_an_unknown_or_unrelated_base_is_a_clear_error(repository):
    with pytest.raises(UserError, match="got 'nowhere', which git does not know"):
        commits.common_ancestor("nowhere")
    git("switch", "--quiet", "--orphan", "other")
    git("commit", "--quiet", "--allow-empty", "--message", "x")
    with pytest.raises(UserError, match=r"shares history .* got 'main'"):
        commits.common_ancestor("main")


def test_results_are_those_of_the_commit(repository):
    invented(3).write(repository / "results/metrics.json")
    assert commits.results("HEAD") == invented(2)


def test_a_commit_without_results_is_a_clear_error(repository):
    git("rm", "--quiet", "--cached", "results/metrics.json")
    git("commit", "--quiet", "--message", "none")
    with pytest.raises(UserError, match=r"commit HEAD has no results/metrics\.json"):
        commits.results("HEAD")


def test_results_of_an_older_version_are_a_clear_error(repository):
    (repository / "results/metrics.json").write_text('{"verdict": 1}')
    commit()
    with pytest.raises(UserError, match=r"results/metrics\.json of commit HEAD: expected the Metrics"):
        commits.results("HEAD")


def test_a_stage_ran_again_if_its_entry_changed(repository):
    assert commits.rerun_stages("HEAD") == {}
    lock(
        a={"cmd": "a", "deps": [{"path": "x", "md5": "1"}], "outs": [{"path": "y", "md5": "2"}]},
        b={"cmd": "c", "params": {"p": {"k": 2, "l": 0}}},
        c={"cmd": "c"},
    )
    assert commits.rerun_stages("HEAD") == {"a": [], "b": ["cmd", "p: k", "p: l"], "c": ["a new stage"]}


def test_figures_that_moved_are_named_once(repository):
    assert commits.moved_figures("HEAD") == []
    (repository / "results/figures/forest.svg").write_text("moved")
    (repository / "results/figures/forest.png").write_text("moved")
    (repository / "results/figures/new.svg").write_text("new")
    (repository / "results/figures/curves.svg").unlink()
    assert commits.moved_figures("HEAD") == ["curves", "forest", "new"]


def test_a_failing_dvc_command_is_a_clear_error(repository):
    with pytest.raises(UserError, match=r"dvc status --json failed: .*not inside of a DVC repository"):
        commits.outdated_stages()


def test_a_stage_that_did_not_run_is_outdated(repository):
    subprocess.run(["dvc", "init", "--quiet"], check=True)
    commits.LOCK.unlink()
    (repository / "dvc.yaml").write_text(json.dumps({"stages": {"a": {"cmd": "true", "params": ["k"]}}}))
    (repository / "params.yaml").write_text("k: 1\n")
    assert commits.outdated_stages() == ["a"]
