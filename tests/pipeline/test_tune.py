"""`overfitting tune` on the command line: killed, then started again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from overfitting.cli.scratch import environment
from overfitting.config.composition import compose_config

pytestmark = pytest.mark.slow
TUNE = [sys.executable, "-m", "overfitting", "tune", "l2", "training.epochs=40"]


@pytest.fixture
def prepared(prepared_once: Path, tmp_path: Path) -> Path:
    shutil.copytree(prepared_once, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "conf/search.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "trials": 6}, sort_keys=False))
    for test_rows in (tmp_path / "data/prepared").glob("test_*"):
        test_rows.unlink()  # a search must not read them
    return tmp_path


def lines(project: Path) -> list[str]:
    """Lines that a search prints when it runs to its end."""
    done = subprocess.run(TUNE, cwd=project, env=environment(project), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if line.startswith("l2")]


def test_a_killed_search_resumes_without_repeating_trials(prepared, monkeypatch):
    with subprocess.Popen(
        TUNE, cwd=prepared, env=environment(prepared), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        first = next(line for line in process.stderr if line.startswith("l2 1/6"))
        os.killpg(process.pid, signal.SIGKILL)
    time.sleep(1)
    rest = lines(prepared)
    known = int(rest[0].removeprefix("l2: ").removesuffix(" of 6 trials are finished"))
    assert 1 <= known < 6
    assert len(rest) == 1 + 6 - known
    assert first.split(": ")[1] not in {line.split(": ")[1] for line in rest}
    assert lines(prepared) == ["l2: 6 of 6 trials are finished"]
    table = pd.read_csv(prepared / "results/tuning.csv")
    mine = table[table["search"] == "l2"]
    assert sorted(mine["trial"]) == [0, 1, 2, 3, 4, 5]
    assert (mine["epochs"] == 40).all()
    monkeypatch.chdir(prepared)
    chosen = mine.loc[mine["val_log_loss"].idxmin()]
    assert compose_config(["variant=tuned/l2"]).variant.l2 == pytest.approx(chosen["l2"])


def test_a_tuned_variant_runs_like_any_other(reproduced_once, tmp_path):
    project = reproduced_once.copy(tmp_path / "project")
    project.edit("params.yaml", "variants", ["large", "tuned/l2"])
    (project.root / "conf/variant/tuned/l2.yaml").write_text("# @package variant\n# l2: tuned.\nl2: 0.02\n")
    assert project.ran(project.run("dvc", "repro")) == {"train@tuned/l2", "evaluate", "report"}
    assert set(project.metrics()["variants"]) == {"large", "tuned/l2"}
    summary = json.loads((project.root / "runs/tuned/l2/0/summary.json").read_text())
    assert summary["config"]["variant"]["l2"] == 0.02
    assert "tuned/l2" in (project.root / "results/report.html").read_text()
