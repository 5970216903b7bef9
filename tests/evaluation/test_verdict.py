"""The verdict follows the numbers."""

from overfitting.config.schema import Evaluation
from overfitting.evaluation.verdict import verdict
from tests.builders.metrics import edited, invented

EVALUATION = Evaluation(confidence=0.95, calibration_bins=15, gap=0.05)
RESULTS = {  # group, mean log loss, difference to large
    "large": ("reference", 0.6, None),
    "dropout": ("best", 0.5, -0.1),
    "l2": ("better", 0.55, -0.05),
    "small": ("tied", 0.601, 0.001),
    "l1": ("worse", 0.69, 0.09),
}


def judged(results, seeds=5, baselines=()):
    """Results with these groups, losses and differences, each with an interval of 0.01 to both sides."""
    values = {}
    for name, (group, loss, difference) in results.items():
        values |= {f"variants__{name}__group": group, f"variants__{name}__metrics__test_log_loss__mean": loss}
        if difference is not None:
            path = f"variants__{name}__difference_to_large__test_log_loss"
            ends = {"mean": difference, "ci_low": difference - 0.01, "ci_high": difference + 0.01}
            values |= {f"{path}__{key}": value for key, value in ends.items()}
    return edited(invented(seeds, list(results), baselines), **values)


def answer(metrics):
    return verdict(25000, metrics.variants, metrics.baselines, EVALUATION)


def test_the_sentence_states_best_difference_and_interval():
    found = answer(judged(RESULTS))
    assert found.best == ("dropout",)
    assert found.ranking == ("dropout", "l2", "large", "small", "l1")
    assert found.sentence == (
        "On 25,000 test rows and 5 seeds, dropout helped most: it lowered log loss from 0.6000 (large) to 0.5000, "
        "by 0.1000 (95% interval 0.0900 to 0.1100); better than large, but not best: l2; "
        "no significant difference from large: small; worse than large: l1."
    )


def test_the_sentence_changes_with_the_numbers():
    sentence = answer(judged({**RESULTS, "l2": ("best", 0.5, -0.1)})).sentence
    assert "dropout and l2 helped most, tied: dropout lowered log loss from 0.6000" in sentence
    assert "better than large, but not best" not in sentence


def test_no_remedy_helps():
    sentence = answer(judged({"large": ("best", 0.5, None), "l2": ("best", 0.501, 0.001)})).sentence
    assert "no remedy is better than large, whose log loss is 0.5000; tied with large: l2" in sentence


def test_without_large_nothing_is_compared_with_it():
    sentence = answer(judged({"a": ("best", 0.5, None), "b": ("worse", 0.6, None)})).sentence
    assert sentence.endswith("a is best: the lowest log loss is 0.5000; worse: b.")


def test_one_seed_is_not_enough_to_rank_variants():
    one = judged({"large": ("best", 0.6, None), "l2": ("best", 0.5, -0.1)}, seeds=1)
    assert "l2 has the lowest log loss, 0.5000, but one seed is not enough to rank variants." in answer(one).sentence


def trained(name, loss, best_epoch, rise, near_zero):
    """Edits that give a variant these results of training, over 60 epochs."""
    means = {
        "best_epoch": best_epoch, "epochs": 60, "rise_after_best": rise, "val_log_loss_best": loss,
        "val_log_loss_last": loss + rise, "train_log_loss_last": 0.01, "near_zero_share": near_zero,
        "near_zero_share_initial": 0.013, "zero_share": 0.0, "weight_norm": 20.0,
    }  # fmt: skip
    edits = {f"variants__{name}__training__{key}__mean": value for key, value in means.items()}
    return {
        **edits,
        f"variants__{name}__training__gap_epoch__median": 7,
        f"variants__{name}__metrics__test_log_loss__mean": loss,
        f"variants__{name}__metrics__test_auc__mean": 0.8,
    }


TRAINED = {
    **trained("large", 0.56, 12, 1.5, 0.02),
    **trained("l1", 0.54, 40, 0.01, 0.99),
    **trained("l2", 0.55, 50, 0.02, 0.1),
    "baselines__random_forest__metrics__test_log_loss__mean": 0.53,
    "baselines__random_forest__metrics__test_auc__mean": 0.79,
}


def details(**changes):
    return answer(edited(invented(5, ["l1", "l2", "large"], ["random_forest"]), **{**TRAINED, **changes})).details


def test_details_report_overfitting_weights_and_the_best_baseline():
    overfitting, last, weights, baseline = details()
    assert "After its best epoch (12 of 60), large overfits" in overfitting
    assert "from 0.560 to 2.060" in overfitting
    assert "first exceeds 0.05 in epoch 7" in overfitting
    assert last == ("Validation log loss after all 60 epochs, without early stopping: l1 0.550, l2 0.570, large 2.060.")
    assert "large 2.0%, l1 99.0%, l2 10.0% (1.3% before training)" in weights
    assert "random_forest, has a lower log loss than l1: 0.5300 against 0.5400" in baseline


def test_details_change_with_the_numbers():
    text = " ".join(
        details(
            variants__large__training__gap_epoch__median=None,
            variants__l2__training__val_log_loss_last__mean=0.5,
            variants__l1__training__near_zero_share__mean=0.5,
            baselines__random_forest__metrics__test_log_loss__mean=0.6,
            baselines__random_forest__metrics__test_auc__mean=0.7,
        )
    )
    assert "never exceeds 0.05" in text
    assert "without early stopping: l2 0.500, l1 0.550, large" in text
    assert "l1 50.0%" in text
    assert "has a higher log loss than l1" in text


def test_variants_that_stop_before_large_are_not_compared_at_the_last_epoch():
    _, last, *_ = details(variants__l2__training__epochs__mean=20, variants__l1__training__epochs__mean=70)
    assert last == "Validation log loss at the last epoch: l1 0.550, large 2.060."


def test_details_leave_out_variants_that_did_not_run():
    assert answer(invented(5, ["ensemble"])).details == ()
