"""The verdict follows the numbers."""

import copy

from overfitting.evaluation.verdict import details, verdict

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
        "On 25,000 unseen rows and 5 seeds, dropout is best: it has log loss 0.5000 against 0.6000 of large, "
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


def trained(mean, best_epoch, rise, near_zero, epochs=60):
    numbers = {
        "test_log_loss": mean, "test_auc": 0.8, "best_epoch": best_epoch, "epochs": epochs, "rise_after_best": rise,
        "val_log_loss_best": mean, "val_log_loss_last": mean + rise, "train_log_loss_last": 0.01,
        "near_zero_share": near_zero, "near_zero_share_initial": 0.013, "zero_share": 0.0, "weight_norm": 20.0,
    }  # fmt: skip
    return {**{name: {"mean": value} for name, value in numbers.items()}, "gap_epoch": {"median": 7, "seeds": [7]}}


TRAINED = {
    "large": trained(0.56, 12, 1.5, 0.02),
    "l1": trained(0.54, 40, 0.01, 0.99),
    "l2": trained(0.55, 50, 0.02, 0.1),
}
REFERENCES = {"random_forest": {"test_log_loss": {"mean": 0.53}, "test_auc": {"mean": 0.79}}}
RANKING = ["l1", "l2", "large"]


def test_details_tell_what_happens_to_large_to_weights_and_outside():
    overfitting, last, weights, references = details(TRAINED, REFERENCES, RANKING, 0.05)
    assert "past its best epoch (12 of 60), large overfits" in overfitting
    assert "from 0.560 to 2.060" in overfitting
    assert "passes 0.05 in epoch 7" in overfitting
    assert last.endswith("held back: l1 0.550, l2 0.570, large 2.060.")
    assert "large 2.0%, l1 99.0%, l2 10.0% (1.3% before training)" in weights
    assert "random_forest, has a lower log loss than l1: 0.5300 against 0.5400" in references


def test_details_change_with_the_numbers():
    changed = copy.deepcopy(TRAINED)
    changed["large"]["gap_epoch"]["median"] = None
    changed["l2"]["val_log_loss_last"]["mean"] = 0.5
    changed["l1"]["near_zero_share"]["mean"] = 0.5
    worse = {"random_forest": {"test_log_loss": {"mean": 0.6}, "test_auc": {"mean": 0.7}}}
    text = " ".join(details(changed, worse, RANKING, 0.05))
    assert "never passes 0.05" in text
    assert "held back: l2 0.500, l1 0.550, large" in text
    assert "l1 50.0%" in text
    assert "has a higher log loss than l1" in text


def test_details_leave_out_what_did_not_run():
    ensemble = {"test_log_loss": {"mean": 0.5}, "test_auc": {"mean": 0.8}, "ensemble_of": "dropout"}
    assert details({"ensemble": ensemble}, {}, ["ensemble"], 0.05) == []
