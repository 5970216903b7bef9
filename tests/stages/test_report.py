"""Stage report."""

import re
import subprocess

from overfitting.stages.report import commit


def test_the_commit_is_stated_and_whether_its_code_was_changed(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, cwd=tmp_path)

    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit() is None
    git("init")
    (tmp_path / "results").mkdir()
    for name in ("results/metrics.json", "params.yaml"):
        (tmp_path / name).write_text("1")
    git("add", ".")
    git("commit", "-m", "x")
    head = commit()
    assert re.fullmatch("[0-9a-f]{40}", head)
    (tmp_path / "results/metrics.json").write_text("2")  # which the pipeline itself writes
    assert commit() == head
    (tmp_path / "params.yaml").write_text("2")
    assert commit() == f"{head} with uncommitted changes"
    monkeypatch.setenv("PATH", "")
    assert commit() is None
