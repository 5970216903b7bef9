"""Merges of two branches that change different variants, in a small project with real git and DVC."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from overfitting.base.errors import UserError
from overfitting.cli import resolve
from tests.conftest import ROOT

PIPELINE = """
stages:
  train:
    matrix: {variant: [l2, dropout]}
    cmd: mkdir -p runs/${item.variant} && cp conf/${item.variant}.yaml runs/${item.variant} && echo x >> trained
    params:
      - conf/${item.variant}.yaml:
    outs:
      - runs/${item.variant}: {persist: true}
  evaluate:
    cmd: mkdir -p results && cat runs/*/* > results/metrics.json
    deps: [runs]
    outs: [{results/metrics.json: {cache: false}}]
  report:
    cmd: mkdir -p results/figures && gzip --no-name < results/metrics.json > results/figures/forest.png
    deps: [results/metrics.json]
    outs: [{results/figures: {cache: false}}]
"""
PAGE = "# Title\n\n<!-- table -->\n{}<!-- /table -->\n\nText.\n"


def run(*command: str, check: bool = True) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode == 0) == check, done.stdout + done.stderr
    return done.stdout


def write_pages() -> None:
    for page in resolve.PAGES:
        page.write_text(resolve._without_computed(page.read_text()).replace("-->\n", f"-->\n{results()}", 1))


def results() -> str:
    return Path("results/metrics.json").read_text()


def commit(message: str) -> None:
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--message", message)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with the attributes of this project, and a commit of two variants."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(resolve, "write_pages", write_pages)
    run("git", "init", "--quiet", "--initial-branch=main")
    for key, value in (("user.name", "a"), ("user.email", "a@b")):
        run("git", "config", key, value)
    for name, text in {
        ".gitattributes": (ROOT / ".gitattributes").read_text(),
        ".gitignore": "/runs\n/trained\n",
        "dvc.yaml": PIPELINE,
        "conf/l2.yaml": "l2: 1\n",
        "conf/dropout.yaml": "dropout: 1\n",
        "params.yaml": "seeds: [0]\nvariants:\n  - large\n",
        "README.md": PAGE.format(""),
        "README.zh-CN.md": PAGE.format(""),
    }.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    commit("files")
    return tmp_path


def change(branch: str, variant: str, value: int, reproduce: bool = True) -> None:
    """A branch from main with another value of a variant, and its results."""
    run("git", "switch", "--quiet", "--create", branch, "main")
    Path(f"conf/{variant}.yaml").write_text(f"{variant}: {value}\n")
    if reproduce:
        run("dvc", "checkout")
        run("dvc", "repro")
        write_pages()
    commit(branch)


@pytest.mark.slow
def test_two_pull_requests_merge_without_work_by_hand_and_nothing_trains_twice(repository, capfd):
    run("dvc", "init", "--quiet")
    run("dvc", "repro")
    write_pages()
    commit("base")
    change("one", "l2", 2)
    change("other", "dropout", 2)
    trained = Path("trained").read_text()

    run("git", "merge", "one", check=False)
    assert set(resolve.unmerged()) == {
        "README.md",
        "README.zh-CN.md",
        "dvc.lock",
        "results/figures/forest.png",
        "results/metrics.json",
    }
    resolve.run()
    assert resolve.unmerged() == []
    assert "resolved: `git commit`" in capfd.readouterr().out
    commit("merged")
    assert run("git", "status", "--porcelain") == ""
    assert sorted(results().splitlines()) == ["dropout: 2", "l2: 2"]
    assert Path("README.md").read_text() == Path("README.zh-CN.md").read_text() == PAGE.format(results())
    assert "up to date" in run("dvc", "status")

    for branch in ("one", "main", "other"):
        run("git", "switch", "--quiet", branch)
        run("dvc", "checkout")
        assert "Running" not in run("dvc", "repro")
        assert run("git", "status", "--porcelain") == ""
    assert Path("trained").read_text() == trained


def test_a_conflict_in_a_file_that_people_write_is_left_to_them(repository):
    change("one", "l2", 2, reproduce=False)
    change("other", "l2", 3, reproduce=False)
    run("git", "merge", "one", check=False)
    with pytest.raises(UserError, match=r"files that people write: conf/l2\.yaml; edit and `git add`"):
        resolve.run()
    assert "<<<<<<<" in Path("conf/l2.yaml").read_text()


def test_two_new_variants_stand_in_params_together(repository):
    for name in ("wide", "deep"):
        run("git", "switch", "--quiet", "--create", name, "main")
        Path("params.yaml").write_text(Path("params.yaml").read_text() + f"  - {name}\n")
        commit(name)
    run("git", "merge", "--quiet", "--no-edit", "wide")
    assert sorted(yaml.safe_load(Path("params.yaml").read_text())["variants"]) == ["deep", "large", "wide"]


def lock(**stages: int) -> str:
    return yaml.safe_dump({"schema": "2.0", "stages": {name: {"cmd": str(value)} for name, value in stages.items()}})


def test_each_stage_of_the_lock_is_that_of_the_side_that_changed_it():
    merged = resolve.merged_lock(
        lock(a=1, b=1, c=1, gone=1, lost=1), lock(a=2, b=1, c=2, lost=1), lock(a=1, b=2, c=3, gone=1, new=1)
    )
    assert {name: int(stage["cmd"]) for name, stage in yaml.safe_load(merged)["stages"].items()} == {
        "a": 2,
        "b": 2,
        "c": 2,
        "new": 1,
    }
    assert resolve.merged_lock(None, lock(a=1), None) == lock(a=1).replace("'1'", "'1'")


def test_pages_merge_around_their_computed_parts(repository):
    base = PAGE.format("old\n")
    assert resolve.merged_page(base, PAGE.format("mine\n"), PAGE.format("yours\n")) == PAGE.format("")
    assert "New text." in resolve.merged_page(base, PAGE.format("mine\n"), base.replace("Text.", "New text."))
    assert resolve.merged_page(base, base.replace("Text", "A"), base.replace("Text", "B")) is None
