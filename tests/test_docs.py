"""What the README says is what was run."""

import json
import re

from overfitting.readme import CHINESE, chinese_sentence, updated
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()


def test_verdict_and_table_are_those_of_the_committed_results():
    metrics = json.loads((ROOT / "results/metrics.json").read_text())
    assert updated(README, metrics["verdict"]["sentence"], metrics) == README
    chinese = (ROOT / CHINESE).read_text()
    assert updated(chinese, chinese_sentence(metrics), metrics) == chinese


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
