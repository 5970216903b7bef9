"""Edits while a stage runs: nothing is recorded under a configuration or code that did not produce it."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from overfitting.cli.scratch import environment, reproduce

pytestmark = pytest.mark.slow


@pytest.fixture
def prepared(prepared_once: Path, tmp_path: Path) -> Path:
    """A scratch copy with prepared rows and a slow training of `tiny`, of one seed at a time."""
    shutil.copytree(prepared_once, tmp_path, dirs_exist_ok=True)
    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({**params, "variants": ["tiny", "large"]}, sort_keys=False))
    for file, key, value in (("training/smoke.yaml", "epochs", 1500), ("config.yaml", "hydra", None)):
        content = yaml.safe_load((tmp_path / "conf" / file).read_text())
        if value is None:
            content["hydra"] = {**content["hydra"], "launcher": {"n_jobs": 1}}
        else:
            content[key] = value
        (tmp_path / "conf" / file).write_text(yaml.safe_dump(content, sort_keys=False))
    return tmp_path


def start(project: Path) -> subprocess.Popen[str]:
    """`dvc repro train@tiny`, once its first seed trains."""
    command = [sys.executable, "-m", "dvc", "repro", "train@tiny"]
    process = subprocess.Popen(
        command, cwd=project, env=environment(project), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    history = project / "runs/tiny/0/history.csv"
    ends = time.monotonic() + 300
    while not (history.is_file() and len(history.read_text().splitlines()) > 5):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert not (project / "runs/tiny/0/summary.json").is_file(), "expected an edit before the first seed has ended"
    return process


def locked(project: Path) -> set[str]:
    """Stages that dvc.lock records."""
    return set(yaml.safe_load((project / "dvc.lock").read_text())["stages"])


def summary(project: Path, seed: int) -> dict:
    return json.loads((project / f"runs/tiny/{seed}/summary.json").read_text())


def test_a_variant_that_is_edited_while_it_trains_is_trained_again(prepared):
    process = start(prepared)
    file = prepared / "conf/variant/tiny.yaml"
    file.write_text(file.read_text().replace("[16]", "[8]"))
    output, _ = process.communicate()
    assert process.returncode != 0
    assert "changed while the stage ran (tiny seed 0, tiny seed 1)" in output
    assert "Traceback" not in output
    assert "train@tiny" not in locked(prepared)
    for seed in (0, 1):  # the second one started after the edit
        assert summary(prepared, seed)["config"]["variant"]["hidden_units"] == [16]
    assert reproduce(prepared, "train@tiny") == 0
    for seed in (0, 1):
        assert summary(prepared, seed)["config"]["variant"]["hidden_units"] == [8]


def test_source_that_is_edited_while_it_trains_is_trained_again(prepared):
    process = start(prepared)
    file = prepared / "src/overfitting/training/network.py"
    original = file.read_text()
    file.write_text(f"{original}\nEDITED = True\n")
    output, _ = process.communicate()
    assert process.returncode != 0
    assert "changed while the stage ran (tiny seed 0, tiny seed 1)" in output
    assert "train@tiny" not in locked(prepared)
    old = [summary(prepared, seed)["fingerprint"] for seed in (0, 1)]
    assert reproduce(prepared, "train@tiny") == 0
    new = [summary(prepared, seed)["fingerprint"] for seed in (0, 1)]
    assert not set(old) & set(new)
    assert [summary(prepared, seed)["early"] for seed in (0, 1)]


def test_evaluate_refuses_runs_of_another_configuration(prepared):
    budget = prepared / "conf/training/smoke.yaml"
    budget.write_text(budget.read_text().replace("1500", "2"))
    train = [sys.executable, "-m", "overfitting", "train", "variant=tiny,large"]
    subprocess.run(train, cwd=prepared, env=environment(prepared), check=True, capture_output=True)
    budget.write_text(budget.read_text().replace("epochs: 2", "epochs: 3"))
    done = subprocess.run(
        [sys.executable, "-m", "overfitting", "evaluate"],
        cwd=prepared,
        env=environment(prepared),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "are not: tiny seed 0, tiny seed 1, large seed 0" in done.stderr
    assert "dvc repro --force --single-item train@tiny train@large" in done.stderr
    assert not (prepared / "results/metrics.json").exists()
