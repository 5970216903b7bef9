"""Numbers as text."""

from overfitting.evaluation.formats import estimate, status
from overfitting.evaluation.results import Difference, Estimate

FOUND = Estimate(mean=0.52904, ci_low=0.52219, ci_high=0.53587, std=0.001, seeds=(0.5, 0.55))
OPEN = Difference(mean=-0.01, ci_low=-0.02, ci_high=0.001, std=0.01, seeds=(0.0, -0.02), status="undecided")


def test_an_estimate_is_its_mean_and_its_interval():
    assert estimate(FOUND) == "0.5290 (0.5222 to 0.5359)"
    assert estimate(FOUND, digits=2) == "0.53 (0.52 to 0.54)"
    assert estimate(OPEN, signed=True) == "-0.0100 (-0.0200 to +0.0010)"


def test_one_seed_has_no_interval():
    assert estimate(FOUND.model_copy(update={"ci_low": None, "ci_high": None})) == "0.5290"


def test_an_undecided_difference_says_what_would_decide():
    assert status(OPEN) == "undecided (more rows needed)"
    assert status(OPEN.model_copy(update={"seeds_needed": 12})) == "undecided (12 seeds would decide)"
    assert status(OPEN.model_copy(update={"status": "better"})) == "better"
    assert status(None) == "reference"
