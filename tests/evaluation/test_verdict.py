"""The verdict follows the numbers."""

import pytest

from overfitting.evaluation.formats import in_words
from overfitting.evaluation.results import Metrics
from overfitting.evaluation.verdict import verdict
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
        "Yes, overfitting can be prevented. Trained for all 50 epochs, the large network ends at a test log loss of "
        "1.600; stopped at its best epoch, it has 0.560. All 4 remedies end lower without stopping early; the lowest: "
        "L2 with dropout (0.540), L2 (0.550) and a small network (0.560)."
    )
    assert found.predicts == (
        "Compared with stopping early, L2 with dropout helped most: test log loss fell from 0.5600 to 0.5400, by "
        "0.0200 (95% interval 0.0100 to 0.0300). L2 may be just as good; 2 remedies predict better than stopping early."
    )
    assert found.sentence == f"{found.prevents} {found.predicts}"


def test_a_single_best_remedy_helps_most():
    found = verdict(judged(verdict__best=["tuned/l2_dropout"])).predicts
    assert found.startswith("Compared with stopping early, L2 with dropout helped most: ")
    assert found.endswith("0.0300). 2 remedies predict better than stopping early.")
    alone = {**STATUSES, "tuned/l2": ("worse", "better")}
    found = verdict(judged(alone, verdict__best=["tuned/l2_dropout"])).predicts
    assert found.endswith("No other remedy is shown to help.")


def test_every_ranked_variant_is_named_with_its_status():
    late, early = verdict(judged()).details[:2]
    assert late.startswith("Trained to the last epoch: better than large: L2 with dropout, L2, ")
    assert early.startswith("Stopped at the best epoch: better than large: L2 with dropout and L2; ")
    assert "undecided: a small network (14 seeds would decide)" in early
    assert early.endswith("worse: a tiny network.")
    changed = judged({**STATUSES, "small": ("equivalent", "better")})
    assert "within 0.005 of large: a small network" in verdict(changed).details[1]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"variants__large__late__metrics__test_log_loss__mean": 1.7}, "test log loss of 1.700;"),
        ({"variants__large__early__metrics__test_log_loss__mean": 0.57}, "stopped at its best epoch, it has 0.570."),
        ({"variants__large__training__epochs__mean": 40.0}, "Trained for all 40 epochs"),
        ({"variants__tiny__late__difference__status": "worse"}, "3 of 4 remedies end lower"),
        ({"early_stopping__status": "undecided"}, "It is undecided whether the large network overfits here. Trained"),
        ({"early_stopping__status": "equivalent"}, "The large network does not overfit here, so there is nothing to"),
    ],
)
def test_the_first_answer_changes_with_its_numbers(changes, text):
    assert text in verdict(judged(**changes)).prevents


def test_no_remedy_prevents_overfitting_or_predicts_better():
    found = verdict(judged(dict.fromkeys(STATUSES, ("undecided", "undecided"))))
    assert found.prevents.endswith("Stopping early prevents overfitting; no other remedy is shown to.")
    assert found.predicts == ("No remedy is shown to predict better than the large network stopped early (0.5600).")


def test_one_seed_decides_nothing():
    found = verdict(invented(1, NAMES))
    assert found.prevents.endswith("One seed is not enough to decide anything.")
    assert found.predicts.endswith("One seed is not enough to rank variants.")


def test_without_large_the_best_set_is_named():
    found = verdict(edited(invented(3, ["small", "tiny"]), verdict__best=["small", "tiny"]))
    assert found.prevents.startswith("Without the large network")
    assert found.predicts.endswith("the best one is among: a small network and a tiny network.")


def test_details_tell_what_tuning_ensembles_and_baselines_bring():
    details = verdict(judged(baselines=["random_forest"])).details
    assert any(
        text.startswith("Compared with the tutorial's strengths, tuning changed") and "L2 -0.0" in text
        for text in details
    )
    assert any(text.endswith("chosen on rows that no run here sees.") for text in details)
    assert any(
        text.startswith("Averaging 3 networks of large trained on the same rows (ensemble) costs 3") for text in details
    )
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
    assert any("So few test rows allow no intervals." in text for text in verdict(none).details)
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
    assert "tuned/l2 25.0%" in text


def test_unknown_variants_go_by_their_names():
    assert in_words("tuned/l2") == in_words("l2") == "L2"
    assert in_words("my_network") == "my_network"
