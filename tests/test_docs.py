"""The pages agree with the committed results, with each other and with the code."""

import ast
import re
import tomllib

import yaml

from overfitting.evaluation.learning_curve import LearningCurve
from overfitting.evaluation.results import Metrics
from overfitting.report.readme import computed, updated
from tests.conftest import ROOT

PAGES = (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "data/bundled/README.md")


def test_computed_parts_of_the_readmes_agree_with_the_committed_results():
    metrics = Metrics.read(ROOT / "results/metrics.json")
    curve = LearningCurve.read(ROOT / "results/learning-curve.json")
    for page, contents in computed(metrics, curve).items():
        text = (ROOT / page).read_text()
        assert updated(text, contents) == text


def test_links_to_files_exist():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            if target != "results/report.html":
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def anchors(text: str) -> set[str]:
    """Anchors that GitHub gives to the headings of a Markdown page."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_to_headings_exist():
    for page in PAGES:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text()):
            linked = page.parent / target if target else page
            assert anchor in anchors(linked.read_text()), f"{page.name}: {target}#{anchor}"


def test_named_source_files_and_functions_exist():
    for page in PAGES:
        for name in re.findall(r"`((?:src|tests|benchmarks)/[\w./-]+)`", page.read_text()):
            assert (ROOT / name).exists(), f"{page.name}: {name}"
        for file, function in re.findall(r"`([\w/]+\.py):(\w+)`", page.read_text()):
            tree = ast.parse((ROOT / "src/overfitting" / file).read_text())
            defined = {getattr(node, "name", None) for node in tree.body}
            assert function in defined, f"{page.name}: {file}:{function}"


def test_named_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        assert set(re.findall(r"`make ([a-z-]+)", page.read_text())) <= targets


def test_lock_files_name_no_host():
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text, lock.name
        assert "--hash=sha256:" in text


def test_make_help_lists_the_targets_of_the_readme():
    listed = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"repro", "test", "ui", "check", "smoke", "lock", "events", "help", "pr-report"} <= listed


def test_pre_commit_and_make_check_run_the_same():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    checks = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    entries = [hook["entry"].removeprefix(".venv/bin/") for hook in hooks if hook.get("stages") != ["post-checkout"]]
    assert entries == [line.strip() for line in checks.splitlines()]


def test_the_citation_names_the_current_version_and_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert f"## {project['version']} " in (ROOT / "CHANGELOG.md").read_text()
