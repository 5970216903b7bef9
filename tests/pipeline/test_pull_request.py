"""The pull-request workflow without the parts that GitHub supplies, and the examples of CONTRIBUTING.md.

One repository has a base with results and a DVC remote. Each job starts from a fresh clone of one of its branches.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from overfitting.cli.scratch import copy_project
from overfitting.evaluation.results import Metrics
from tests.builders.shared import made_once
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
WORKFLOW = ".github/workflows/pull-request.yml"
COPIED = ("Makefile", ".gitignore", "pyproject.toml", "requirements/main.txt", WORKFLOW)
# with these settings dropout is better than large at the last epoch, and every training takes seconds
SMALL = {
    "params.yaml": {
        r"training: default": "training: smoke",
        r"train: \d+": "train: 1000",
        r"validation: \d+": "validation: 1000",
        r"test: \d+": "test: 10000",
        r"repeats: .*": "repeats: {}",
        r"(?s)variants:.*": "variants:\n  - large\n  - l2\n  - dropout\n",
        r"  - random_forest\n  - gradient_boosting\n": "",
    },
    "conf/training/smoke.yaml": {r"epochs: \d+\nbatch": "epochs: 30\nbatch"},
    # seeds train one after another in one process, which imports TensorFlow once
    "conf/config.yaml": {r"hydra:\n": "hydra:\n  launcher:\n    n_jobs: 1\n"},
}
# values that GitHub inserts for ${{ ... }}
EXPRESSIONS = {
    "github.base_ref": "main",
    "github.event.number": "12",
    "github.token": "secret",
    "github.repository": "o/r",
}
# GitHub's command line, with the comments of the bot in a file
GH = """#!{python}
import json, os, pathlib, sys
assert os.environ["GH_TOKEN"] == "secret" and os.environ["GH_REPO"] == "o/r"
assert sys.argv[1:] == ["pr", "comment", "12", "--body-file", "comment.md", "--edit-last", "--create-if-none"]
state = pathlib.Path({state!r})
comments = json.loads(state.read_text())
state.write_text(json.dumps([*comments[:-1], pathlib.Path("comment.md").read_text()]))
"""
SAME_REPOSITORY = "!cancelled() && github.event.pull_request.head.repo.full_name == github.repository"


def environment(root, **more):
    person = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {
        **os.environ,
        **person,
        "MLFLOW_TRACKING_URI": f"sqlite:///{root}/mlflow.db",
        "PATH": f"{root}/.venv/bin{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{root}/src",
        **more,
    }


def run(root, *command, **more):
    done = subprocess.run(
        command, cwd=root, env=environment(root, **more), capture_output=True, text=True, check=False, timeout=1200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def edit(root, file, changes):
    text = (root / file).read_text()
    for pattern, value in changes.items():
        text, found = re.subn(pattern, value, text, count=1)
        assert found, f"{file}: {pattern}"
    (root / file).write_text(text)


def link_environment(root):
    """Create a .venv of links to the environment of the tests, so that make installs nothing."""
    (root / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name in ("bin", "lib", "lib64", "include", "share", "pyvenv.cfg"):
            (root / ".venv" / path.name).symlink_to(path)
    (root / ".venv/main").touch()


@pytest.fixture
def origin(tmp_path_factory, tmp_path):
    """A repository whose branch main is reproduced, committed and pushed to a DVC remote; created only once."""
    root = made_once(tmp_path_factory, "origin", lambda root: reproduce(root, remote=root.with_name("remote")))
    return Path(shutil.copytree(root, tmp_path / "origin", symlinks=True))


def reproduce(root, remote):
    for name in COPIED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    run(root, "git", "init", "--quiet", "--initial-branch=main")
    copy_project(ROOT, root)
    shutil.copy(ROOT / "params.yaml", root)  # with its comments, for edits by pattern
    shutil.rmtree(root / ".dvc")
    for file, changes in SMALL.items():
        edit(root, file, changes)
    link_environment(root)
    run(root, "dvc", "init", "--quiet")
    run(root, "dvc", "remote", "add", "--quiet", "--default", "storage", str(remote))
    run(root, "dvc", "repro")
    commit(root, "base")
    run(root, "dvc", "push", "--quiet")


def commit(root, message):
    run(root, "git", "add", "--all")
    run(root, "git", "commit", "--quiet", "--message", message)


def clone(origin, destination, branch):
    run(origin, "git", "clone", "--quiet", "--branch", branch, str(origin), str(destination))
    link_environment(destination)
    return destination


class Job:
    """A run of the workflow in a fresh clone; a fake `gh` keeps the comments of the pull request in `comments`."""

    def __init__(self, origin, folder, comments, branch, fork=False):
        folder.mkdir()
        gh = folder / "bin/gh"
        gh.parent.mkdir()
        gh.write_text(GH.format(python=sys.executable, state=str(comments)))
        gh.chmod(0o755)
        self.root = clone(origin, folder / "clone", branch)
        self.summary_file = folder / "summary.md"
        self.log, self.failed = "", False
        jobs = yaml.safe_load((self.root / WORKFLOW).read_text())["jobs"]
        assert "write" not in jobs["reproduce"]["permissions"].values()
        self._run_steps(jobs["reproduce"], gh.parent)
        assert jobs["comment"]["if"] == f"${{{{ {SAME_REPOSITORY} }}}}"
        if not fork:
            failed, self.failed = self.failed, False
            self._run_steps(jobs["comment"], gh.parent)
            self.failed |= failed

    def _run_steps(self, job, tools):
        for step in job["steps"]:
            wanted = not self.failed or step.get("if") == "${{ !cancelled() }}"
            if wanted and "run" in step:
                self._run(step["run"], {**job["env"], **step.get("env", {})}, tools)

    def _run(self, script, variables, tools):
        expanded = {
            name: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: EXPRESSIONS[found[1]], value)
            for name, value in variables.items()
        }
        assert "${{" not in script
        github = {"REPOSITORY": "o/r", "SERVER_URL": "https://host", "RUN_ID": "7"}
        more = {f"GITHUB_{name}": value for name, value in github.items()}
        variables = environment(self.root, **expanded, **more, GITHUB_STEP_SUMMARY=str(self.summary_file))
        variables["PATH"] = f"{tools}{os.pathsep}{variables['PATH']}"
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.root,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,
        )
        self.log += done.stdout + done.stderr
        self.failed |= done.returncode != 0

    @property
    def summary(self):
        return self.summary_file.read_text()


def stages(text):
    return set(re.findall(r"`([\w@]+)`", text.partition("Stages that ran again")[2].partition("</details>")[0]))


def test_a_pull_request_is_reproduced_and_has_one_comment(origin, tmp_path):
    comments = tmp_path / "comments.json"
    comments.write_text(json.dumps([""]))
    run(origin, "git", "switch", "--quiet", "--create", "less-dropout", "main")

    edit(origin, "conf/variant/dropout.yaml", {r"dropout: 0.5": "dropout: 0.4"})
    commit(origin, "dropout of 0.4")
    first = Job(origin, tmp_path / "first", comments, "less-dropout")
    assert not first.failed, first.log
    [text] = json.loads(comments.read_text())
    assert text.startswith("**")
    assert "| conf/variant/dropout.yaml | dropout | 0.5 | 0.4 |" in " ".join(text.split())
    assert stages(text) == {"train@dropout", "evaluate", "report"}  # all others came from the remote
    assert "Changes are measured paired by seed." in text
    assert re.search(r"\| l2 \| late \| .* \| same \| – \| \w+ \|", text)
    assert re.search(r"\| dropout \| late \| .* \| better \|", text)
    assert re.search(r"Figures that moved</summary>\n\n.*forest", text)
    assert "(https://host/o/r/actions/runs/7#artifacts)" in text
    assert first.summary == text

    edit(origin, "conf/variant/dropout.yaml", {r"dropout: 0.4": "dropout: 0.001"})
    commit(origin, "hardly any dropout")
    second = Job(origin, tmp_path / "second", comments, "less-dropout")
    assert second.failed
    [text] = json.loads(comments.read_text())
    assert re.match(r"\*\*`dropout`: better → \w+, \+\d\.\d{3} \(late\)\*\*", text)
    assert "- `dropout` (late) was better (-" in text
    assert re.search(r"\| dropout \| late \| .* \| \*\*\+\d\.\d+\*\* \| .* \| better → \w+ \|", text)


def test_a_fork_gets_a_summary_and_a_failed_stage_fails_the_check(origin, tmp_path):
    comments = tmp_path / "comments.json"
    comments.write_text("[]")
    run(origin, "git", "switch", "--quiet", "--create", "too-many-rows", "main")
    edit(origin, "params.yaml", {r"train: \d+": "train: 1000000"})
    commit(origin, "a million rows")
    job = Job(origin, tmp_path / "job", comments, "too-many-rows", fork=True)
    assert job.failed
    assert json.loads(comments.read_text()) == []
    assert "split: expected at least" in job.log
    assert "- `preprocess` failed or did not run" in job.summary
    assert "| params.yaml | split.train | 1000 | 1000000 |" in " ".join(job.summary.split())


def test_the_examples_of_contributing_work_as_written(origin, tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text()
    examples = re.findall(r"## (.*)\n(?:(?!## |```).*\n)*```sh\n((?:(?!```).*\n)*)```", text)
    assert [title for title, _ in examples] == ["Change a parameter", "Add a variant", "Add a dataset"]
    root = clone(origin, tmp_path / "clone", "main")
    run(root, "dvc", "pull", "--quiet")
    said = {}
    for title, commands in examples:
        said[title] = run(root, "bash", "-euo", "pipefail", "-c", commands)
        assert run(root, "git", "status", "--porcelain") == ""
        assert json.loads(run(root, "dvc", "status", "--json")) == {}
    assert ran(said["Change a parameter"]) == {"train@l2", "evaluate", "report"}
    assert "| conf/variant/l2.yaml | l2 | 0.001 | 0.002 |" in " ".join(said["Change a parameter"].split())
    assert ran(said["Add a variant"]) >= {"train@wide", "evaluate", "report"}
    assert re.search(r"\| wide \| late \| – \|", said["Add a variant"])
    metrics = Metrics.read(root / "results/metrics.json")
    assert metrics.data.columns == tuple(f"x{number}" for number in range(10))
    assert all(variant.early.metrics["test_auc"].mean < 0.92 for variant in metrics.variants.values())
    for branch in ("stronger-l2", "wide"):  # back to results that exist: nothing runs
        run(root, "git", "switch", "--quiet", branch)
        run(root, "dvc", "checkout")
        assert ran(run(root, "dvc", "repro")) == set()


def ran(output):
    return set(re.findall(r"Running stage '(.*)'", output))
