"""What the README says is what was run."""

import json
import re

from overfitting.readme import computed, updated
from tests.conftest import ROOT


def test_what_is_computed_is_that_of_the_committed_results():
    metrics = json.loads((ROOT / "results/metrics.json").read_text())
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
