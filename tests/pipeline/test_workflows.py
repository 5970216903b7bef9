"""The workflows call make targets that exist, and pin the actions they use."""

import re

import pytest
import yaml

from tests.conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def steps(path):
    return [step for job in yaml.safe_load(path.read_text())["jobs"].values() for step in job["steps"]]


def targets():
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_to_commits(path):
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_make_targets_exist(path):
    called = [word for step in steps(path) for word in re.findall(r"make (?:--\w+ )*([a-z-]+)", step.get("run", ""))]
    assert set(called) <= targets()


def test_a_pull_request_is_reproduced_and_described():
    runs = [step.get("run", "") for step in steps(ROOT / ".github/workflows/pull-request.yml")]
    assert "make repro" in runs
    assert any("make --silent pr-report" in run for run in runs)
