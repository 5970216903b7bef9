"""The verdict follows the numbers."""

import pytest

from overfitting.evaluation.results import Metrics
from overfitting.evaluation.verdict import in_words, verdict
from tests.builders.metrics import edited, invented

NAMES = ["tuned/l2_dropout", "tuned/l2", "large", "small", "tiny", "l2", "ensemble"]
STATUSES = {  # early, late
    "tuned/l2_dropout": ("better", "better"),
    "tuned/l2": ("better", "better"),
    "small": ("undecided", "better"),
    "tiny": ("worse", "better"),
}


def judged(statuses=STATUSES, seeds=6, baselines=(), **more) -> Metrics:
    """Results with these statuses, a late loss of large of 1.6, and early and late losses that follow the order."""
    values = {
        "variants__large__late__metrics__test_log_loss__mean": 1.6,
        "variants__large__early__metrics__test_log_loss__mean": 0.56,
        "variants__large__training__epochs__mean": 50.0,
    }
    for rank, (name, (early, late)) in enumerate(statuses.items()):
        for phase, status in (("early", early), ("late", late)):
            difference = {"mean": -0.02 + 0.01 * rank, "ci_low": -0.03 + 0.01 * rank, "ci_high": -0.01 + 0.01 * rank}
            values |= {f"variants__{name}__{phase}__difference__{key}": value for key, value in difference.items()}
            values[f"variants__{name}__{phase}__difference__status"] = status
            values[f"variants__{name}__{phase}__metrics__test_log_loss__mean"] = 0.54 + 0.01 * rank
        if early == "undecided":
            values[f"variants__{name}__early__difference__seeds_needed"] = 14
    values["verdict__best"] = ["tuned/l2_dropout", "tuned/l2"]
    return edited(invented(seeds, NAMES, baselines), **{**values, **more})


def test_both_answers_state_their_numbers():
    found = verdict(judged())
    assert found.prevents == (
        "Yes, overfitting can be prevented: trained for all 50 epochs, the large network ends at a test log loss of "
        "1.600 instead of 0.560 at its best epoch, and all 4 remedies end lower without stopping early, lowest "
        "L2 with dropout (0.540), L2 (0.550) and a small network (0.560)."
    )
    assert found.predicts == (
        "Beyond stopping early, 2 remedies predict better; the best is one of L2 with dropout and L2. L2 with dropout "
        "lowers test log loss from 0.5600 to 0.5400, by 0.0200 (95% interval 0.0100 to 0.0300)."
    )
    assert found.sentence == f"{found.prevents} {found.predicts}"


def test_a_single_best_remedy_helps_most():
    assert verdict(judged(verdict__best=["tuned/l2_dropout"])).predicts == (
        "Beyond stopping early, L2 with dropout helps most: it lowers test log loss from 0.5600 to 0.5400, by 0.0200 "
        "(95% interval 0.0100 to 0.0300); 2 remedies predict better than large."
    )


def test_every_ranked_variant_is_named_with_its_status():
    late, early = verdict(judged()).details[:2]
    assert late.startswith("Left to train to the last epoch, better than large: L2 with dropout, L2, ")
    assert early.startswith("With the weights of the best epoch, better than large: L2 with dropout and L2; ")
    assert "undecided: a small network (14 seeds would decide)" in early
    assert early.endswith("worse: a tiny network.")
    changed = judged({**STATUSES, "small": ("equivalent", "better")})
    assert "within 0.005 of large: a small network" in verdict(changed).details[1]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"variants__large__late__metrics__test_log_loss__mean": 1.7}, "test log loss of 1.700 instead"),
        ({"variants__large__early__metrics__test_log_loss__mean": 0.57}, "instead of 0.570 at its best"),
        ({"variants__large__training__epochs__mean": 40.0}, "for all 40 epochs"),
        ({"variants__tiny__late__difference__status": "worse"}, "and 3 of 4 remedies end lower"),
        ({"early_stopping__status": "undecided"}, "It is undecided whether the large network overfits here. On "),
        ({"early_stopping__status": "equivalent"}, "The large network does not overfit here, so there is nothing to"),
    ],
)
def test_the_first_answer_changes_with_its_numbers(changes, text):
    assert text in verdict(judged(**changes)).prevents


def test_no_remedy_prevents_overfitting_or_predicts_better():
    found = verdict(judged(dict.fromkeys(STATUSES, ("undecided", "undecided"))))
    assert found.prevents.endswith("stopping early prevents that (0.560), no other remedy is shown to.")
    assert found.predicts == (
        "No remedy is shown to predict better than stopping the large network early does (0.5600)."
    )


def test_one_seed_decides_nothing():
    found = verdict(invented(1, NAMES))
    assert found.prevents.endswith("one seed decides nothing.")
    assert found.predicts.endswith("but one seed decides nothing.")


def test_without_large_the_best_set_is_named():
    found = verdict(edited(invented(3, ["small", "tiny"]), verdict__best=["small", "tiny"]))
    assert found.prevents == "Without large no remedy can be shown to prevent overfitting."
    assert found.predicts.startswith("Among 2 variants, the best is one of a small network and a tiny network: ")


def test_details_tell_what_tuning_ensembles_and_baselines_bring():
    details = verdict(judged(baselines=["random_forest"])).details
    assert any(text.startswith("Tuning changed the early test log loss") and "L2 -0.0" in text for text in details)
    assert any(text.endswith("chosen on rows that no run here sees.") for text in details)
    assert any(text.startswith("Averaging 3 networks of large on the same rows (ensemble) costs 3") for text in details)
    assert any(text.startswith("The best non-neural baseline, random_forest, has a lower") for text in details)


def test_details_tell_what_rows_and_seeds_can_decide():
    text = next(text for text in verdict(judged()).details if "stay undecided" in text)
    assert text.startswith(
        "On 20,000 test rows and 6 seeds, early differences that stay undecided: 1. Their intervals reach"
    )
    assert text.endswith("to each side. To decide the clearest of them (+0.0000) would take about 14 seeds.")
    values = {"mean": -0.005, "ci_low": -0.015, "ci_high": 0.005, "seeds_needed": None}
    few = judged(**{f"variants__small__early__difference__{key}": value for key, value in values.items()})
    rows = few.data.rows
    text = next(text for text in verdict(few).details if "stay undecided" in text)
    assert text.endswith(f"about {4 * rows:,} rows instead of {rows:,}; more seeds would not be enough.")
    none = judged(**{f"variants__small__early__difference__{key}": None for key in ("ci_low", "ci_high")})
    assert any("so few test rows allow no intervals" in text for text in verdict(none).details)
    assert not any("undecided" in text for text in verdict(judged({"small": ("better", "better")})).details)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("better", "predicts better than"),
        ("equivalent", "predicts as well as"),
        ("worse", "worse than"),
        ("undecided", "is not shown to predict better or worse than"),
    ],
)
def test_details_tell_whether_logistic_regression_is_as_good(status, says):
    changes = {"baselines__logistic_regression__difference__status": status}
    details = verdict(judged(baselines=["logistic_regression"], **changes)).details
    [text] = [text for text in details if text.startswith("Logistic regression")]
    assert f"{says} the large network stopped early" in text


def test_the_share_of_zero_weights_is_stated_for_l1_and_l2():
    values = {"variants__tuned/l2__training__early__zero_share__mean": 0.25}
    text = next(text for text in verdict(judged(**values)).details if text.startswith("Share of hidden weights"))
    assert "exactly 0: large 55.0%" not in text.partition("exactly 0")[0]
    assert "tuned/l2 25.0%" in text


def test_unknown_variants_go_by_their_names():
    assert in_words("tuned/l2") == in_words("l2") == "L2"
    assert in_words("my_network") == "my_network"
