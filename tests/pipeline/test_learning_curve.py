"""The second pipeline: `learning-curve/dvc.yaml` on tiny settings."""

import json
import shutil
import subprocess

import pytest
import yaml
from dvc.repo import Repo

from overfitting.base.errors import UserError
from overfitting.base.fingerprint import imported_files
from overfitting.cli import sizes
from overfitting.cli.scratch import copy_project, environment
from overfitting.evaluation.learning_curve import LearningCurve
from overfitting.evaluation.results import Metrics
from tests.conftest import ROOT

FOLDER = ROOT / "learning-curve"
DEFAULT = yaml.safe_load((FOLDER / "params.yaml").read_text())
TINY = {
    "rows": [200, 1000],  # one step an epoch, and two
    "steps": 3,
    "seeds": [0, 1],
    "variants": ["large", "tiny", "tuned/dropout"],
    "baselines": ["logistic_regression"],
}


def write_settings(root, **values):
    (root / "learning-curve").mkdir(exist_ok=True)
    (root / "learning-curve/params.yaml").write_text(yaml.safe_dump({**DEFAULT, **values}))


def test_code_dependencies_cover_what_the_stages_import():
    stages = yaml.safe_load((FOLDER / "dvc.yaml").read_text())["stages"]
    listed = [ROOT / path for path in stages["size"]["deps"] if path.startswith("src/")]
    for stage in ("preprocess", "train", "baseline", "evaluate"):
        for file in imported_files(f"overfitting.stages.{stage}"):
            assert any(file == path or path in file.parents for path in listed), file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": [300, 100]}, "growing numbers"),
        ({"rows": [300]}, "rows: got .* at least 2"),
        ({"step": 3}, "step: unknown key"),
        ({"seeds": [-1]}, "seeds.0: got -1"),
    ],
)
def test_wrong_settings_are_one_clear_error(project, change, message):
    write_settings(project, **change)
    with pytest.raises(UserError, match=f"(?s)learning-curve/params.yaml:.*{message}"):
        sizes.read_settings()


@pytest.mark.slow
def test_the_curve_is_made_once_and_finished_runs_are_kept(tmp_path):
    copy_project(ROOT, tmp_path, {"split": {"train": 1000, "validation": 500, "test": 800, "search": 500}})
    write_settings(tmp_path, **TINY)
    shutil.copy(FOLDER / "dvc.yaml", tmp_path / "learning-curve/dvc.yaml")

    def reproduce():
        command = ["dvc", "repro", "learning-curve/dvc.yaml"]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    first = reproduce()
    curve = LearningCurve.read(tmp_path / "learning-curve/curve.json")
    assert curve.sizes == (200, 1000)
    assert set(curve.variants) == {*TINY["variants"], "logistic_regression"}
    assert "training rows predict as well as" in first
    for size, at in ((200, 0), (1000, 1)):
        metrics = Metrics.read(tmp_path / f"learning-curve/sizes/{size}/metrics.json")
        assert (metrics.data.train_rows, metrics.data.validation_rows) == (size, size // 2)
        assert curve.variants["large"][at].late == metrics.variants["large"].late.log_loss
        assert curve.variants["tiny"][at].worth is not None
    work = tmp_path / "learning-curve/work"
    summaries = [json.loads(path.read_text()) for path in work.glob("*/runs/*/**/summary.json")]
    assert {(summary["train_rows"], summary["epochs"]) for summary in summaries} == {(200, 3), (1000, 2)}
    with Repo(str(tmp_path)) as repo:
        assert not repo.status([str(tmp_path / "learning-curve/dvc.yaml")])
    networks = {path: path.stat().st_mtime_ns for path in work.glob("1000/runs/*/*/early.keras")}
    assert networks
    # 200 rows then need another epoch, 1000 do not
    write_settings(tmp_path, **{**TINY, "steps": 4, "variants": ["large", "tiny"]})
    assert "large seed 0: validation" in reproduce()
    assert networks == {path: path.stat().st_mtime_ns for path in networks}, "finished runs are trained again"
