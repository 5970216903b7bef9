"""Numbers as text."""

import pytest

from overfitting.evaluation.formats import NONE, estimate, p_value
from overfitting.evaluation.results import Estimate

FOUND = Estimate(mean=0.52904, ci_low=0.52219, ci_high=0.53587, std=0.001, seeds=(0.5, 0.55))


@pytest.mark.parametrize(
    ("value", "text"), [(None, NONE), (0.0, "< 0.0001"), (0.00009, "< 0.0001"), (0.0001, "0.0001"), (0.25, "0.2500")]
)
def test_p_values_have_four_decimals(value, text):
    assert p_value(value) == text


def test_an_estimate_is_its_mean_and_its_interval():
    assert estimate(FOUND) == "0.5290 (0.5222 to 0.5359)"
    assert estimate(FOUND, digits=2) == "0.53 (0.52 to 0.54)"


def test_signs_are_written_on_request():
    lower = FOUND.model_copy(update={"mean": -0.01, "ci_low": -0.02, "ci_high": 0.001})
    assert estimate(lower, signed=True) == "-0.0100 (-0.0200 to +0.0010)"


def test_one_seed_has_no_interval():
    assert estimate(FOUND.model_copy(update={"ci_low": None, "ci_high": None})) == "0.5290"
