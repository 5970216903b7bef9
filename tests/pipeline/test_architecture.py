"""The example of docs/architecture.md, followed to the letter: one file and one line add a remedy."""

import json
import re
from pathlib import Path

import pytest

from overfitting.cli.scratch import TINY, copy_project, reproduce
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
BLOCK = r"```\w+\n# (\S+)\n(.*?)```"


def write_example(project: Path) -> None:
    """Write the files of the page's section on remedies."""
    page = (ROOT / "docs/architecture.md").read_text()
    section = page[page.index("## Add a remedy") : page.index("## Add a source")]
    blocks = re.findall(BLOCK, section, re.DOTALL)
    assert len(blocks) == 2
    for path, content in blocks:
        (project / path).write_text(content)


def fingerprint(project: Path, variant: str) -> str:
    return json.loads((project / f"runs/{variant}/0/summary.json").read_text())["fingerprint"]


def test_one_file_and_one_line_add_a_remedy_and_retrain_nothing_else(tmp_path):
    copy_project(ROOT, tmp_path, {**TINY, "seeds": [0], "variants": ["tiny", "large", "dropout"]})
    assert reproduce(tmp_path, "evaluate") == 0
    before = {name: fingerprint(tmp_path, name) for name in ("tiny", "large", "dropout")}
    times = {name: (tmp_path / f"runs/{name}/0/early.keras").stat().st_mtime_ns for name in before}
    write_example(tmp_path)
    with (tmp_path / "params.yaml").open("a") as file:
        file.write("- input_dropout\n")
    assert reproduce(tmp_path, "evaluate") == 0
    for name in before:
        assert fingerprint(tmp_path, name) == before[name]
        assert (tmp_path / f"runs/{name}/0/early.keras").stat().st_mtime_ns == times[name]
    summary = json.loads((tmp_path / "runs/input_dropout/0/summary.json").read_text())
    assert summary["config"]["variant"]["input_dropout"] == 0.2
    results = json.loads((tmp_path / "results/metrics.json").read_text())
    assert results["variants"]["input_dropout"]["description"] == "input_dropout 0.2"
