"""Scratch copies of the project, and `make demo` in a folder of links."""

import subprocess

import pytest
import yaml

from overfitting.base.errors import UserError
from overfitting.cli import scratch
from overfitting.cli.scratch import PROJECT, TINY, copy_files, copy_project, environment
from overfitting.evaluation.results import Metrics
from tests.conftest import ROOT


def test_a_copy_has_the_files_of_the_pipeline_as_they_are(tmp_path):
    copy_files(ROOT, tmp_path)
    assert (tmp_path / "params.yaml").read_bytes() == (ROOT / "params.yaml").read_bytes()
    assert (tmp_path / "requirements/main.txt").read_bytes() == (ROOT / "requirements/main.txt").read_bytes()
    assert all((tmp_path / name).exists() for name in PROJECT)
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_copy_that_can_be_reproduced_has_dvc_and_the_settings(tmp_path):
    copy_project(ROOT, tmp_path)
    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    original = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert params["seeds"] == TINY["seeds"]
    assert params["choices"] == {**original["choices"], **TINY["choices"]}
    assert params["variants"] == original["variants"]
    listed = subprocess.run(
        ["python", "-m", "dvc", "stage", "list", "--name-only"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"download", "preprocess", "evaluate", "report"} <= set(listed.stdout.split())


def test_a_missing_file_is_a_clear_error(tmp_path):
    copy_files(ROOT, tmp_path / "root")
    (tmp_path / "root/requirements/main.txt").unlink()
    with pytest.raises(UserError, match=r"expected requirements/main\.txt in .*root; run from the root folder"):
        copy_project(tmp_path / "root", tmp_path / "copy")


def test_processes_in_a_copy_use_its_code_and_its_mlflow(tmp_path):
    (tmp_path / "src").mkdir()
    variables = environment(tmp_path)
    assert variables["PYTHONPATH"] == f"{tmp_path}/src"
    assert variables["MLFLOW_TRACKING_URI"] == f"sqlite:///{tmp_path}/mlflow.db"


DEMO = {
    "split": {"train": 200, "validation": 100, "test": 500, "search": 0},
    "training": {"epochs": 3, "batch_size": 100},
    "seeds": [0, 1],
    "variants": ["large", "tiny"],
}


@pytest.mark.slow
def test_the_demo_ends_with_a_page_in_a_folder_of_its_own(project, monkeypatch, capfd):
    def present():
        return {path for path in project.rglob("*") if "__pycache__" not in path.parts}

    monkeypatch.setattr(scratch, "DEMO", {**scratch.DEMO, **DEMO})
    before = present()
    scratch.demo(project)
    metrics = Metrics.read(project / "demo/results/metrics.json")
    assert set(metrics.variants) == {"large", "tiny"}
    assert (metrics.data.train_rows, metrics.data.source) == (200, "bundled")
    printed = capfd.readouterr().out
    assert metrics.verdict.predicts in " ".join(printed.split())
    assert "The page of this small comparison is demo/results/report.html" in printed
    assert (project / "demo/results/report.html").is_file()
    monkeypatch.setattr(scratch, "STAGES", ("train-all",))  # of a second demo: other stages do their work again
    scratch.demo(project)
    kept = [f"{variant} seed {seed}" for variant in ("large", "tiny") for seed in (0, 1)]
    assert capfd.readouterr().err.splitlines() == [
        f"{name}: unchanged, kept" for name in (*kept, "logistic_regression")
    ]
    assert {path.relative_to(project).parts[0] for path in present() - before} == {"demo"}
