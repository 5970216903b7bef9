"""The example of docs/architecture.md, followed to the letter: one file and one line add a remedy."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pipeline.conftest import VARIANTS

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


def summary(project: Path, variant: str) -> dict:
    return json.loads((project / f"runs/{variant}/0/summary.json").read_text())


def test_one_file_and_one_line_add_a_remedy_and_retrain_nothing_else(reproduced_once, tmp_path):
    project = reproduced_once.copy(tmp_path / "project")
    root = project.root
    project.environment["PYTHONPATH"] = str(root / "src")  # the code with the new file
    before = {name: summary(root, name)["fingerprint"] for name in VARIANTS}
    times = {name: (root / f"runs/{name}/0/early.keras").stat().st_mtime_ns for name in VARIANTS}
    write_example(root)
    with (root / "params.yaml").open("a") as file:
        file.write("- input_dropout\n")
    project.run("dvc", "repro", "evaluate")
    for name in VARIANTS:
        assert summary(root, name)["fingerprint"] == before[name]
        assert (root / f"runs/{name}/0/early.keras").stat().st_mtime_ns == times[name]
    assert summary(root, "input_dropout")["config"]["variant"]["input_dropout"] == 0.2
    assert project.metrics()["variants"]["input_dropout"]["description"] == "input_dropout 0.2"
