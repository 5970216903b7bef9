"""What `overfitting verify` says of a commit and of what its clone wrote."""

import pytest

from overfitting.base.errors import UserError
from overfitting.cli import verify
from tests.builders.metrics import edited, invented

HASHES = {"runs/l2": "a", "results/report.html": "b"}
METRICS = invented(3)
OTHER = {"run__processor": "arm64 NEON"}


def moved(size: float, **values: object):
    """The metrics with the log loss of l2 moved by `size`."""
    mean = METRICS.variants["l2"].early.log_loss.mean
    return edited(METRICS, **{"variants__l2__early__metrics__test_log_loss__mean": mean + size, **values})


def test_equal_hashes_verify_on_any_computer(capsys):
    assert verify.judge(HASHES, dict(HASHES), METRICS, edited(METRICS, **OTHER)) == 0
    assert capsys.readouterr().out == "verified by hash: all 2 outputs have the bytes of the commit\n"


def test_other_bytes_on_the_same_kind_of_computer_fail_and_are_named(capsys):
    assert verify.judge(HASHES, {**HASHES, "runs/l2": "c"}, METRICS, moved(-1e-9)) == 1
    output = capsys.readouterr().out
    assert "NOT verified: 1 of 2 outputs have other bytes" in output
    assert "runs/l2" in output
    assert "largest difference of test_log_loss: 1.0e-09 (l2)" in output


@pytest.mark.parametrize(("share", "status"), [(0.9, 0), (1.1, 1)])
@pytest.mark.parametrize("other", [OTHER, {"run__versions": {"keras": "4"}}])
def test_on_another_computer_the_metrics_count_within_the_tolerance(capsys, share, status, other):
    size = share * verify.TOLERANCES["test_log_loss"]
    assert verify.judge(HASHES, {**HASHES, "runs/l2": "c"}, METRICS, moved(size, **other)) == status
    output = capsys.readouterr().out
    assert ("verified by metrics" if status == 0 else "NOT verified by metrics") in output
    assert f"test_log_loss: largest difference {size:.1e} (l2)" in output


def test_a_missing_output_is_a_difference():
    assert verify.judge(HASHES, {"runs/l2": "a"}, METRICS, METRICS) == 1


def test_other_variants_cannot_be_compared():
    with pytest.raises(UserError, match="expected the variants"):
        verify.largest_difference(METRICS, invented(3, ["large", "l2"]), "test_log_loss")


def test_a_folder_without_results_in_a_commit_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"expected a commit with results/metrics\.json"):
        verify.run(tmp_path)
