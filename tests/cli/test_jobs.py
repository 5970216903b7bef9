"""Jobs that are planned, their order and their failures; real trainings that are shown and sent to MLflow."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from omegaconf import DictConfig, OmegaConf

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.cli import jobs
from overfitting.cli.jobs import Plan
from overfitting.evaluation.baselines import Fitted
from tests.builders.mlflow_files import WARNINGS
from tests.builders.prepared import write_rows
from tests.builders.training import write_summary

SMALL = {
    "variants": ["tiny", "large", "medium", "l2"],
    "baselines": ["random_forest"],
    "seeds": [0, 1],
    "repeats": {"large": 1},
}


@pytest.fixture
def data(project: Path) -> Path:
    """A small comparison with a manifest and labels of prepared rows."""
    OmegaConf.save(OmegaConf.merge(OmegaConf.load("params.yaml"), OmegaConf.create(SMALL)), "params.yaml")
    write_rows({"pool_features": np.zeros((50_000, 1)), "pool_labels": np.arange(50_000) % 2})
    return project


def test_missing_jobs_are_longest_first_and_finished_ones_are_left_out(data):
    plan = Plan.of([])
    assert list(plan.missing()) == [
        *("runs/large/0", "runs/large/1", "runs/l2/0", "runs/l2/1"),
        "runs/baselines/random_forest",
        *("runs/medium/0", "runs/medium/1", "runs/tiny/0", "runs/tiny/1"),
    ]
    for run in plan.runs:
        if run.variant != "tiny" and (run.variant, run.seed) != ("l2", 1):
            run.folder.mkdir(parents=True)
            write_summary(run.folder, run.fingerprint)
    assert list(plan.missing()) == ["runs/l2/1", "runs/baselines/random_forest", "runs/tiny/0", "runs/tiny/1"]


@pytest.mark.parametrize(
    ("arguments", "stage", "found"),
    [
        (["variant=l2"], "train", ["runs/l2/0", "runs/l2/1"]),
        (["variant=l2", "seed=1"], "train", ["runs/l2/1"]),
        (["baseline=random_forest"], "baseline", ["runs/baselines/random_forest"]),
    ],
)
def test_a_stage_has_the_jobs_of_its_variant_or_baseline(data, arguments, stage, found):
    assert list(Plan.of(arguments, stage).missing()) == found


FOLDERS = (
    (["variant=l2,tiny", "seed=1"], ["runs/l2/1", "runs/tiny/1"]),
    (["-m", "variant=l2"], ["runs/l2/0", "runs/l2/1"]),
    (["variant=l2", "seed=0", "training=smoke"], ["outputs/training=smoke/l2/0"]),
    (["variant=l2", "training.epochs=50", "seed=0"], ["outputs/training.epochs=50/l2/0"]),  # even if it is the same
    (["variant=adamw", "seed=0"], ["outputs/adamw/0"]),
    (["variant=l2", "seed=9"], ["outputs/l2/9"]),
    (["variant=tiny", "seeds=[0]"], ["outputs/seeds=[0]/tiny/0"]),
    (["-m", "seed=0", "training=smoke"], ["multirun/training=smoke/large/0"]),
    (
        ["--multirun", "seed=0", "variant.l2=0.001,0.01"],
        ["multirun/variant.l2=0.001/large/0", "multirun/variant.l2=0.01/large/0"],
    ),
    (["variant=l2,adamw", "seed=0"], ["runs/l2/0", "multirun/adamw/0"]),
    (["variant=tiny", "seed=0", "training=smoke", "hydra.run.dir=mine"], ["mine/training=smoke/tiny/0"]),
    (["-m", "variant=adamw", "seed=0,1", "hydra.sweep.dir=mine"], ["mine/adamw/0", "mine/adamw/1"]),
    (["variant=tiny", "seed=0", "+experiment=tutorial"], ["outputs/+experiment=tutorial/tiny/0"]),
)


def test_only_runs_that_the_files_state_go_to_runs(data):
    assert {str(arguments): list(Plan.of(arguments, "train").missing()) for arguments, _ in FOLDERS} == {
        str(arguments): found for arguments, found in FOLDERS
    }


def test_baselines_and_whole_comparisons_by_hand_have_folders_of_their_own(data):
    [fit] = Plan.of(["baseline=random_forest", "baseline.rows=10"], "baseline").missing()
    assert fit == "outputs/baseline.rows=10/random_forest"
    folders = {Path(name).parents[-3].as_posix() for name in Plan.of(["training=smoke"]).missing()}
    assert folders == {"outputs/training=smoke"}


def test_a_folder_has_a_name_that_every_file_system_takes(data):
    [name] = Plan.of(["variant=tiny", "seed=0", "variant.hidden_units=[" + "8," * 90 + "8]"], "train").missing()
    root = Path(name).parents[1]
    assert root.parent == Path("outputs")
    assert len(root.name) < 150
    [other] = Plan.of(["variant=tiny", "seed=0", "variant.hidden_units=[" + "8," * 91 + "8]"], "train").missing()
    assert other != name
    [name] = Plan.of(["variant=tiny", "seed=0", "data=higgs", "data.path='a b/c:d'"], "train").missing()
    assert name == "outputs/data.path=_a_b_c_d_,data=higgs/tiny/0"


def test_training_by_hand_leaves_the_comparison_alone_and_says_where_it_is(trained, capsys):
    jobs.run(["variant=tiny"], Launcher(), "train")
    assert capsys.readouterr().out == ""
    before = {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}
    assert len(before) == 2
    jobs.run(["--multirun", "variant=tiny", "variant.l2=0.01,0.1"], Launcher(), "train")
    assert {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()} == before
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "not part of the comparison, so not in runs/:"
    assert [re.sub(r"\d\.\d{4}", "N", line) for line in said[1:]] == [
        f"  multirun/variant.l2={value}/tiny: validation log loss N, mean of 2 runs" for value in ("0.01", "0.1")
    ]
    assert trained[2:] == [f"tiny (variant.l2={value}) seed {seed}" for value in ("0.01", "0.1") for seed in (0, 1)]


class Launcher:
    """Calls each job in this process, in order, and remembers the arguments."""

    def __init__(self) -> None:
        self.arguments: list[str] = []

    def __call__(self, arguments: Sequence[str], job: Callable[[DictConfig], None]) -> None:
        self.arguments = list(arguments)
        [chosen] = [argument.removeprefix("job=") for argument in arguments if argument.startswith("job=")]
        for name in chosen.split(","):
            job(OmegaConf.create({"job": name.strip("'")}))


@pytest.fixture
def trained(data: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs and baselines that were made: at once, without computing anything."""
    made: list[str] = []

    def train(run):
        made.append(run.name)
        if (run.variant, run.seed) == ("l2", 0):
            raise UserError("the loss is not finite")
        if run.variant == "medium":
            raise ZeroDivisionError("division by zero")
        write_summary(run.folder, run.fingerprint)

    def fit(baseline):
        made.append(baseline.name)
        Fitted(fingerprint=baseline.fingerprint, train_rows=1, files={}).write(baseline.folder / "baseline.json")

    monkeypatch.setattr(jobs.train_stage, "run", train)
    monkeypatch.setattr(jobs.baseline_stage, "run", fit)
    return made


def test_other_jobs_go_on_if_one_fails_and_the_message_names_it(trained):
    launch = Launcher()
    with pytest.raises(UserError) as error:
        jobs.run(["--multirun", "hydra.launcher.n_jobs=1"], launch)
    assert len(trained) == 9
    assert str(error.value).splitlines() == [
        "3 of 9 jobs failed, the others are finished:",
        "  l2 seed 0: the loss is not finite",
        "  medium seed 0: ZeroDivisionError: division by zero (traceback: runs/medium/0/error.txt)",
        "  medium seed 1: ZeroDivisionError: division by zero (traceback: runs/medium/1/error.txt)",
    ]
    assert "Traceback" in Path("runs/medium/0/error.txt").read_text()
    assert launch.arguments[:-1] == ["--multirun", "hydra.launcher.n_jobs=1"]
    trained.clear()
    with pytest.raises(UserError, match="3 of 3 jobs failed"):
        jobs.run([], launch)
    assert sorted(trained) == ["l2 seed 0", "medium seed 0", "medium seed 1"]


def test_rows_of_one_class_are_an_error_before_anything_is_removed(trained):
    left = Path("runs/tiny/7")
    left.mkdir(parents=True)
    labels = np.ones(50_000)
    labels[1] = 0  # which only the validation rows of seed 0 have
    write_rows({"pool_features": np.zeros((50_000, 1)), "pool_labels": labels})
    with pytest.raises(UserError, match=r"split\.train: expected rows of both classes, but all .* of seed 0"):
        jobs.run(["variant=tiny"], Launcher(), "train")
    assert left.is_dir()
    assert trained == []


def test_a_damaged_run_is_trained_again_with_a_line(trained, capsys):
    chosen = ["variant=tiny"]
    damaged, whole = Plan.of(chosen, "train").runs
    for run in (damaged, whole):
        files.write_text(run.folder / "early.keras", "network")
        digest = files.file_digest(run.folder / "early.keras")
        write_summary(run.folder, run.fingerprint, files={"early.keras": digest})
    files.write_text(damaged.folder / "early.keras", "netwark")
    jobs.run(chosen, Launcher(), "train")
    assert trained == ["tiny seed 0"]
    assert "tiny seed 0: early.keras damaged or missing, so it is trained again\n" in capsys.readouterr().err


def test_nothing_is_started_if_nothing_is_missing(trained):
    chosen = ["variant=tiny"]
    jobs.run(chosen, Launcher(), "train")
    jobs.run(chosen, lambda *_: pytest.fail("started"), "train")
    assert trained == ["tiny seed 0", "tiny seed 1"]


def test_an_edit_while_jobs_run_is_an_error(trained):
    def launch(arguments: Sequence[str], job: Callable[[DictConfig], None]) -> None:
        Launcher()(arguments, job)
        path = Path("conf/variant/tiny.yaml")
        path.write_text(path.read_text().replace("[16]", "[17]"))

    with pytest.raises(UserError, match=r"changed while the stage ran \(tiny seed 0, tiny seed 1\)"):
        jobs.run(["variant=tiny"], launch, "train")


def test_data_that_changes_before_a_job_starts_is_not_used(trained):
    def launch(arguments: Sequence[str], job: Callable[[DictConfig], None]) -> None:
        write_rows({}, fingerprint="other")
        Launcher()(arguments, job)

    with pytest.raises(UserError, match="the prepared data changed"):
        jobs.run(["variant=tiny", "seed=0"], launch, "train")
    assert trained == []


@pytest.mark.slow
def test_all_workers_work(data, tmp_path):
    """Eight workers train at the same time: each job waits until eight have started."""
    script = """if True:
        import os, sys, time
        from functools import partial
        from pathlib import Path
        from overfitting.cli import jobs, stages

        meeting = Path(sys.argv[1])

        def wait(composed):
            end = time.monotonic() + 120
            (meeting / str(os.getpid())).touch()
            while len(list(meeting.iterdir())) < 8 and time.monotonic() < end:
                time.sleep(0.1)

        jobs._job = lambda missing: partial(wait)
        chosen = ["variant=tiny,large", "seed=0,1,2,3", "hydra.launcher.n_jobs=8"]
        jobs.run(chosen, partial(stages._launch, "train", ""), "train")
    """
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    done = subprocess.run([sys.executable, "-c", script, meeting], capture_output=True, text=True, check=False)
    assert "8 of 8 jobs failed" in done.stderr  # they left no results
    assert len(list(meeting.iterdir())) == 8, done.stderr


PATCHED = """if True:
    import sys
    from overfitting.cli import commands, jobs
    from overfitting.progress import display, watcher
    display.LINE_SECONDS = watcher.INTERVAL = 0.1
    jobs.MLFLOW_SHARE = 20.0
    sys.argv = ["overfitting", *sys.argv[1:]]
    commands.main()
"""


@pytest.fixture(scope="module")
def prepared(prepared_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scratch copy with prepared rows."""
    return shutil.copytree(prepared_once, tmp_path_factory.mktemp("watched"), dirs_exist_ok=True)


def run_train(root: Path, *overrides: str, mlflow: str) -> list[str]:
    """Train `tiny` with 300 epochs and return what it printed, which must all be on standard error."""
    params = yaml.safe_load((root / "params.yaml").read_text())
    (root / "params.yaml").write_text(yaml.safe_dump({**params, "training": {"epochs": 300}}, sort_keys=False))
    shutil.rmtree(root / "runs", ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "MLFLOW_TRACKING_URI": mlflow}
    command = [sys.executable, "-c", PATCHED, "train", "variant=tiny", *overrides]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr.splitlines()


def check_history(root: Path, seed: int, epochs: int) -> None:
    lines = (root / f"runs/tiny/{seed}/history.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", *map(str, range(1, epochs + 1))]


@pytest.mark.slow
@WARNINGS[0]
@WARNINGS[1]
@pytest.mark.parametrize("overrides", [(), ("seed=1",)], ids=["multirun", "by hand"])
def test_real_trainings_are_shown_and_logged(prepared: Path, overrides: tuple[str, ...]) -> None:
    database = f"sqlite:///{prepared}/{len(overrides)}.db"
    lines = run_train(prepared, *overrides, mlflow=database)
    seeds = [1] if overrides else [0, 1]
    for seed in seeds:
        check_history(prepared, seed, 300)
        assert any(re.match(rf"tiny seed {seed}: validation log loss 0\.\d+ in epoch \d+ of 300", it) for it in lines)
        assert any(re.match(rf"tiny: .*seed {seed} epoch \d+/300, best 0\.\d{{4}}", it) for it in lines)
    from overfitting.tracking.store import Store

    store = Store(prepared, database)
    found = [run for run in store.search("") if "seed" in run.data.tags]
    assert {run.data.tags["seed"]: run.info.status for run in found} == dict.fromkeys(map(str, seeds), "FINISHED")
    for run in found:
        history = store.client.get_metric_history(run.info.run_id, "val_log_loss")
        assert [point.step for point in history] == list(range(1, 301))


@pytest.mark.slow
def test_real_trainings_go_on_without_mlflow(prepared: Path) -> None:
    lines = run_train(prepared, mlflow="http://user:secret@127.0.0.1:9")
    for seed in (0, 1):
        check_history(prepared, seed, 300)
    assert len([line for line in lines if "is not brought up to date with the files" in line]) == 1
    assert not any("secret" in line for line in lines)
