"""The whole pipeline on tiny settings: `dvc repro` twice, then after changes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from overfitting.scratch import copy_project
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
VARIANTS = ["tiny", "large", "l2"]


class Project:
    """A scratch copy with git and DVC, in which commands are run as a user runs them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {
            **os.environ,
            "MLFLOW_TRACKING_URI": f"sqlite:///{root}/mlflow.db",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "200",
        }

    def run(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False, timeout=1200
        )
        output = done.stdout + done.stderr
        if check:
            assert done.returncode == 0, output
        else:
            assert done.returncode != 0, output
        return output

    def ran(self, output: str) -> set[str]:
        """Stages that `dvc repro` ran."""
        return {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}

    def edit(self, file: str, key: str, value: object) -> None:
        content = yaml.safe_load((self.root / file).read_text())
        content[key] = value
        (self.root / file).write_text(yaml.safe_dump(content))

    def metrics(self) -> dict:
        return json.loads((self.root / "results/metrics.json").read_text())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    root = tmp_path_factory.mktemp("repro")
    shutil.copy(ROOT / ".gitignore", root)
    project = Project(root)
    project.run("git", "init", "--quiet", "--initial-branch=main")
    copy_project(ROOT, root)
    shutil.rmtree(root / ".dvc")
    project.run("dvc", "init", "--quiet")
    shutil.copytree(ROOT / ".dvc/plots", root / ".dvc/plots", dirs_exist_ok=True)
    project.edit("params.yaml", "variants", VARIANTS)
    project.output = project.run("dvc", "repro")
    for command in (["add", "--all"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "base"]):
        project.run("git", *command)
    return project


def test_one_command_gives_the_answer(finished):
    metrics = finished.metrics()
    assert set(metrics["variants"]) == set(VARIANTS)
    for variant in metrics["variants"].values():
        assert 0.3 < variant["test_auc"]["mean"] < 1.0
        assert len(variant["test_log_loss"]["seeds"]) == 2
    assert metrics["verdict"]["sentence"] in " ".join(finished.output.replace("\n", " ").split())
    assert (finished.root / "results/report.html").is_file()
    assert "results/report.html" in finished.output
    for name in VARIANTS:
        for seed in "01":
            files = {path.name for path in (finished.root / "runs" / name / seed).iterdir()}
            assert files == {"model.keras", "history.csv", "summary.json"}


def test_start_up_chatter_of_tensorflow_is_not_shown(finished):
    for note in ("oneDNN", "cuInit", "absl::InitializeLog", "rebuild TensorFlow"):
        assert note not in finished.output


def test_a_second_run_runs_nothing(finished):
    output = finished.run("dvc", "repro")
    assert finished.ran(output) == set()
    assert "up to date" in finished.run("dvc", "status")


def test_a_changed_factor_reruns_its_variant_and_what_follows(finished):
    before = finished.metrics()
    finished.edit("conf/variant/l2.yaml", "l2", 0.01)
    assert finished.ran(finished.run("dvc", "repro")) == {"train@l2", "evaluate", "report"}
    after = finished.metrics()
    assert after["variants"]["tiny"]["test_log_loss"]["seeds"] == before["variants"]["tiny"]["test_log_loss"]["seeds"]
    assert after["variants"]["l2"]["test_log_loss"]["seeds"] != before["variants"]["l2"]["test_log_loss"]["seeds"]
    comment = finished.run("overfitting", "changes", "main")
    assert "| conf/variant/l2.yaml | l2 " in comment.replace("  ", " ")
    assert after["verdict"]["sentence"] in comment
    finished.run("git", "checkout", "--quiet", ".")
    finished.run("dvc", "checkout")


def test_an_added_seed_trains_only_what_is_missing(finished):
    output = finished.run("python", "-m", "overfitting", "train", "variant=tiny", "seeds=[0,1,2]")
    assert output.count("unchanged, kept") == 2
    assert "tiny seed 2: validation log loss" in output
    output = finished.run("python", "-m", "overfitting", "train", "variant=tiny")
    assert output.count("unchanged, kept") == 2
    assert not (finished.root / "runs/tiny/2").exists()


def test_the_same_seed_gives_the_same_weights_alone_and_side_by_side(finished):
    import zipfile

    def weights():
        with zipfile.ZipFile(finished.root / "runs/l2/1/model.keras") as archive:
            return archive.read("model.weights.h5")

    first = weights()
    shutil.rmtree(finished.root / "runs/l2")
    finished.run("python", "-m", "overfitting", "train", "variant=l2", "seed=1")
    assert weights() == first
    finished.run("dvc", "checkout", "--force")


def test_a_mistake_ends_in_one_clear_error_before_any_work(finished):
    for arguments, message in (
        (["train", "variant=l2", "variant.dropout=2"], "variant.dropout: got 2; input should be less than 1"),
        (["train", "variant=l3"], "Could not find 'variant/l3'"),
        (["preprocess", "split.train=10000000"], "split: expected at least"),
        (["fly"], "unknown command; expected one of download, preprocess"),
    ):
        output = finished.run("python", "-m", "overfitting", *arguments, check=False)
        assert message in output
        assert "Traceback" not in output


def test_dvcs_own_commands_are_short_and_clean(finished):
    assert "test_auc.l2" in finished.run("dvc", "metrics", "show")
    assert "train@l2" in finished.run("dvc", "dag")
    finished.run("dvc", "params", "diff")
    finished.run("dvc", "plots", "show", "--out", "plots")
    assert "val_log_loss" in (finished.root / "plots/index.html").read_text()
    output = finished.run("dvc", "exp", "run", "--temp", "-S", "conf/variant/l2.yaml:l2=0.02", "-n", "stronger")
    assert finished.ran(output) == {"train@l2", "evaluate", "report"}
    shown = finished.run("dvc", "exp", "show", "--only-changed", "--md")
    assert "stronger" in shown
    assert "0.02" in shown
