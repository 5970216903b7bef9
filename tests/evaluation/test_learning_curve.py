"""The learning curve, and what a remedy is worth in rows."""

import numpy as np
import pytest

from overfitting.evaluation.learning_curve import LearningCurve, rows_in_words, rows_worth, sentences
from tests.builders.metrics import estimate, invented_curve

SIZES = (300, 1000, 3000, 10000, 30000)
SEEDS, ROWS = 5, 400


def losses(generator, rows, cases):
    """Row losses of a classifier whose mean falls by 0.03 each time that its rows are multiplied by e.

    `cases` (n_rows,) is what all classifiers share: some rows are difficult.
    """
    seeds, own = generator.normal(0, 0.004, (SEEDS, 1)), generator.normal(0, 0.02, ROWS)
    return 1 - 0.03 * np.log(rows) + seeds + cases + own


def references(generator, cases):
    return [losses(generator, size, cases) for size in SIZES]


@pytest.mark.parametrize("rows", [450, 2000, 21000])
def test_without_noise_the_worth_is_exact(rows):
    known = [np.full((SEEDS, ROWS), 1 - 0.03 * np.log(size)) for size in SIZES]
    worth = rows_worth(np.full((SEEDS, ROWS), 1 - 0.03 * np.log(rows)), known, SIZES, 0.95)
    assert [worth.rows, worth.low, worth.high] == pytest.approx([rows] * 3, rel=1e-6)


def test_the_reference_is_worth_its_own_rows():
    known = references(np.random.default_rng(0), cases=0)
    for size, found in zip(SIZES[1:-1], known[1:-1], strict=True):
        assert rows_worth(found, known, SIZES, 0.95).rows == pytest.approx(size)


def test_beyond_the_sizes_that_were_tried_a_worth_has_no_number():
    generator = np.random.default_rng(1)
    known = references(generator, cases=0)
    better, worse = (rows_worth(losses(generator, rows, 0), known, SIZES, 0.95) for rows in (3e6, 3))
    assert (better.rows, better.low, better.high) == (None, None, None)
    assert (worse.rows, worse.low, worse.high) == (0, 0, 0)


def test_with_one_seed_the_interval_has_no_ends():
    known = [found[:1] for found in references(np.random.default_rng(2), cases=0)]
    worth = rows_worth(known[2], known, SIZES, 0.95)
    assert (worth.low, worth.high) == (0, None)
    assert worth.rows == pytest.approx(SIZES[2])


def test_intervals_hold_the_true_number_of_rows_as_often_as_they_state():
    generator, held, trials = np.random.default_rng(3), 0, 150
    for _ in range(trials):
        cases = generator.normal(0, 0.3, ROWS)
        worth = rows_worth(losses(generator, 5000, cases), references(generator, cases), SIZES, 0.9)
        held += (worth.low or 0) <= 5000 <= (worth.high or np.inf)
    assert held / trials > 0.9 - 2 * np.sqrt(0.09 / trials)


def test_sentences_name_the_best_remedy_and_follow_the_numbers():
    curve = invented_curve()
    early, late = sentences(curve, 1000)
    assert early == (
        "With dropout, 1,000 training rows predict as well as 2,100 with the large network stopped early (95% interval "
        "1,800 to 2,500)."
    )
    assert late == (
        "With 3,000 rows, 1,000 steps still overfit the large network (0.550 at its best epoch, 0.900 at the last), "
        "and dropout predicts best (0.530)."
    )
    content = curve.as_json()
    content["variants"]["dropout"][1]["worth"] = {"rows": None, "low": 2400, "high": None}
    changed = LearningCurve.model_validate(content)
    assert "as well as more than 3,000 with" in sentences(changed, 1000)[0]
    assert "interval 2,400 to more than 3,000" in sentences(changed, 1000)[0]
    content["variants"]["large"][2] |= {"early": estimate(np.full(2, 0.5)), "late": estimate(np.full(2, 0.501))}
    assert sentences(LearningCurve.model_validate(content))[1] == (
        "With 3,000 rows, 1,000 steps no longer overfit the large network (0.501), and no remedy predicts better."
    )


def test_without_large_nothing_is_worth_anything():
    content = invented_curve().as_json()
    del content["variants"]["large"]
    for points in content["variants"].values():
        for point in points:
            point["worth"] = None
    assert sentences(LearningCurve.model_validate(content)) == []


def test_rows_have_two_digits():
    curve = invented_curve()
    assert [rows_in_words(curve, value) for value in (21234.5, 456, 0, None)] == [
        "21,000", "460", "fewer than 300", "more than 3,000",
    ]  # fmt: skip
