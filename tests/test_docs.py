"""What the README says is what was run."""

import re
import tomllib

import yaml

from overfitting.evaluation.results import Metrics
from overfitting.report.readme import computed, updated
from tests.conftest import ROOT


def test_what_is_computed_is_that_of_the_committed_results():
    metrics = Metrics.read(ROOT / "results/metrics.json")
    for page, contents in computed(metrics).items():
        text = (ROOT / page).read_text()
        assert updated(text, contents) == text


def test_every_link_to_a_file_leads_to_one():
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "data/bundled/README.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            if target != "results/report.html":
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        assert set(re.findall(r"`make ([a-z-]+)", page.read_text())) <= targets


def test_no_lock_file_names_a_host():
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text, lock.name
        assert "--hash=sha256:" in text


def test_make_help_lists_what_the_readme_promises():
    listed = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"repro", "test", "ui", "check", "smoke", "lock", "events", "help", "pr-report"} <= listed


def test_pre_commit_runs_what_make_check_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    checks = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    entries = [hook["entry"].removeprefix(".venv/bin/") for hook in hooks]
    assert entries == [line.strip() for line in checks.splitlines()]


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert f"## {project['version']} " in (ROOT / "CHANGELOG.md").read_text()
