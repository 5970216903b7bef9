"""The whole pipeline on tiny settings: `dvc repro` twice, then after changes."""

import shutil

import pytest

from tests.pipeline.conftest import VARIANTS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(reproduced_once, tmp_path_factory):
    return reproduced_once.copy(tmp_path_factory.mktemp("repro") / "project")


def test_dvc_repro_writes_runs_metrics_report_and_verdict(finished):
    metrics = finished.metrics()
    assert set(metrics["variants"]) == set(VARIANTS)
    for variant in metrics["variants"].values():
        assert 0.3 < variant["early"]["metrics"]["test_auc"]["mean"] < 1.0
        assert len(variant["late"]["metrics"]["test_log_loss"]["seeds"]) == 2
    for answer in ("prevents", "predicts"):
        assert metrics["verdict"][answer] in " ".join(finished.output.replace("\n", " ").split())
    assert (finished.root / "results/report.html").is_file()
    assert "results/report.html" in finished.output
    for name in VARIANTS:
        for seed in "01":
            files = {path.name for path in (finished.root / "runs" / name / seed).iterdir()}
            assert files == {"early.keras", "late.keras", "history.csv", "summary.json", "durations.json"}
    assert (finished.root / "runs/large/1.1/late.keras").is_file()


def test_a_fresh_clone_writes_the_same_bytes_with_another_number_of_workers(finished):
    """`make verify` trains in one sweep, here in one worker; the project was made stage by stage in more workers."""
    finished.environment["LOKY_MAX_CPU_COUNT"] = "1"
    try:
        output = finished.run("python", "-m", "overfitting", "verify")
    finally:
        del finished.environment["LOKY_MAX_CPU_COUNT"]
    assert "verified by hash: all" in output
    assert output.endswith("git status in the clone: clean\n")


def test_start_up_messages_of_tensorflow_are_hidden(finished):
    for note in ("oneDNN", "cuInit", "absl::InitializeLog", "rebuild TensorFlow"):
        assert note not in finished.output


def test_a_second_repro_runs_no_stage(finished):
    output = finished.run("dvc", "repro")
    assert finished.ran(output) == set()
    assert "up to date" in finished.run("dvc", "status")


def test_a_changed_factor_reruns_its_variant_evaluate_and_report(finished):
    before = finished.metrics()
    finished.edit("conf/variant/l2.yaml", "l2", 0.01)
    assert finished.ran(finished.run("dvc", "repro")) == {"train@l2", "evaluate", "report"}
    after = finished.metrics()
    assert (
        after["variants"]["tiny"]["early"]["metrics"]["test_log_loss"]["seeds"]
        == before["variants"]["tiny"]["early"]["metrics"]["test_log_loss"]["seeds"]
    )
    assert (
        after["variants"]["l2"]["early"]["metrics"]["test_log_loss"]["seeds"]
        != before["variants"]["l2"]["early"]["metrics"]["test_log_loss"]["seeds"]
    )
    comment = finished.run("overfitting", "changes", "main")
    assert "| conf/variant/l2.yaml | l2 " in comment.replace("  ", " ")
    assert after["verdict"]["predicts"] in comment
    finished.restore()


def test_an_added_seed_trains_only_missing_runs(finished):
    finished.edit("params.yaml", "seeds", [0, 1, 2])
    output = finished.run("python", "-m", "overfitting", "train", "variant=tiny")
    assert output.count("unchanged, kept") == 2
    assert "tiny seed 2: validation log loss" in output
    finished.edit("params.yaml", "seeds", [0, 1])
    output = finished.run("python", "-m", "overfitting", "train", "variant=tiny")
    assert output.count("unchanged, kept") == 2
    assert not (finished.root / "runs/tiny/2").exists()
    finished.restore()


def test_training_by_hand_changes_nothing_that_dvc_keeps(finished):
    said = finished.run("python", "-m", "overfitting", "train", "variant=tiny", "seed=0", "training.epochs=3")
    assert "outputs/training.epochs=3/tiny: validation log loss" in said
    assert (finished.root / "outputs/training.epochs=3/tiny/0/early.keras").is_file()
    assert "up to date" in finished.run("dvc", "status")
    assert finished.run("git", "status", "--porcelain") == ""


def test_a_seed_gives_the_same_weights_alone_and_side_by_side(finished):
    import zipfile

    def weights():
        with zipfile.ZipFile(finished.root / "runs/l2/1/early.keras") as archive:
            return archive.read("model.weights.h5")

    first = weights()
    shutil.rmtree(finished.root / "runs/l2")
    finished.run("python", "-m", "overfitting", "train", "variant=l2", "seed=1")
    assert weights() == first
    finished.run("dvc", "checkout", "--force")


def test_a_mistake_gives_one_clear_error_before_any_work(finished):
    for arguments, message in (
        (
            ["train", "variant=l2", "variant.dropout=2"],
            "variant.dropout: got 2; input should be less than or equal to",
        ),
        (["train", "variant=l3"], "variant: got 'l3', expected one of"),
        (["preprocess", "split.train=10000000"], "split: expected at least"),
        (["fly"], "unknown command; expected one of download, preprocess"),
    ):
        output = finished.run("python", "-m", "overfitting", *arguments, check=False)
        assert message in output
        assert "Traceback" not in output


def test_dvc_metrics_dag_and_params_diff_work(finished):
    lines = finished.run("dvc", "metrics", "show").splitlines()
    assert lines[0].split() == ["Path", "test_auc", "test_log_loss", "test_log_loss_late"]
    assert {line.split()[0] for line in lines[1:]} == {f"results/summary/{name}.json" for name in VARIANTS}
    assert "| train |" in finished.run("dvc", "dag", "--collapse-foreach-matrix", "dvc.yaml")
    finished.run("dvc", "params", "diff")
