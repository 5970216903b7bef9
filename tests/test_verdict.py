"""The verdict follows the numbers."""

import copy

from overfitting.verdict import verdict

DATA = {"test_rows": 25000}


def variant(mean, group, difference=None):
    interval = {"mean": mean, "seeds": [mean] * 5}
    to_large = (
        None if difference is None else {"mean": difference, "ci_low": difference - 0.01, "ci_high": difference + 0.01}
    )
    return {"test_log_loss": interval, "group": group, "difference_to_large": to_large and {"test_log_loss": to_large}}


VARIANTS = {
    "large": variant(0.6, "reference"),
    "dropout": variant(0.5, "best", -0.1),
    "l2": variant(0.55, "better", -0.05),
    "small": variant(0.601, "tied", 0.001),
    "l1": variant(0.69, "worse", 0.09),
}


def test_sentence_states_best_difference_and_interval():
    found = verdict(DATA, VARIANTS, 0.95)
    assert found["best"] == ["dropout"]
    assert found["ranking"] == ["dropout", "l2", "large", "small", "l1"]
    assert found["sentence"] == (
        "On 25,000 unseen rows and 5 seeds, dropout is best: dropout has log loss 0.5000 against 0.6000 of large, "
        "0.1000 lower (95% interval 0.0900 to 0.1100); better than large, but not best: l2; "
        "not distinguishable from large: small; worse than large: l1."
    )


def test_sentence_changes_with_the_numbers():
    changed = copy.deepcopy(VARIANTS)
    changed["l2"] = variant(0.5, "best", -0.1)
    sentence = verdict(DATA, changed, 0.95)["sentence"]
    assert "dropout and l2 are best, tied" in sentence
    assert "better than large, but not best" not in sentence


def test_no_remedy_helps():
    sentence = verdict(DATA, {"large": variant(0.5, "best"), "l2": variant(0.501, "best", 0.001)}, 0.95)["sentence"]
    assert "no remedy does better than large, with a log loss of 0.5000; tied with it: l2" in sentence


def test_without_large_nothing_is_compared_with_it():
    sentence = verdict(DATA, {"a": variant(0.5, "best"), "b": variant(0.6, "worse")}, 0.95)["sentence"]
    assert sentence.endswith("a is best: log loss 0.5000; worse: b.")


def test_one_seed_ranks_nothing():
    one = {"large": variant(0.6, "best"), "l2": variant(0.5, "best", -0.1)}
    for value in one.values():
        value["test_log_loss"]["seeds"] = [0.5]
    assert "one seed ranks nothing" in verdict(DATA, one, 0.95)["sentence"]
