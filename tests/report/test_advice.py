"""The advice follows the results."""

import pytest

from overfitting.report.answers import advice
from tests.builders.metrics import edited, invented, invented_curve
from tests.evaluation.test_verdict import STATUSES, judged

NOTHING = dict.fromkeys(STATUSES, ("undecided", "better"))
SMALLER = {**dict.fromkeys(STATUSES, ("undecided", "better")), "tiny": ("equivalent", "better")}


@pytest.mark.parametrize(
    ("metrics", "texts"),
    [
        (judged(), ["from 1.600 to 0.560, at no cost", "Add L2 with dropout: it lowers test log loss by another 0.0200 "
                    "(at least 0.0100). If L2 is easier for you"]),
        (judged(verdict__best=["tuned/l2_dropout"]), ["Stop early", "Add L2 with dropout"]),
        (judged(NOTHING), ["Stop early", "Add no remedy yet: none is shown to predict better. With 14 seeds"]),
        (judged(dict.fromkeys(STATUSES, ("worse", "better"))), ["Stop early", "Add no remedy for the sake of"]),
        (judged(SMALLER, variants__tiny__parameters=500), ["Add no remedy yet", "A tiny network is enough"]),
        (judged(early_stopping__status="undecided"), ["Stop early all the same", "is undecided", "Add L2"]),
        (judged(early_stopping__status="equivalent"), ["You need not fight overfitting here", "Add L2"]),
        (judged(baselines=["random_forest"]), ["Stop early", "Add L2 with dropout", "Try random_forest first"]),
        (invented(1), ["Train with several seeds"]),
        (invented(2, ["l2", "tiny"]), ["Add large to the variants"]),
    ],
    ids=["remedies", "one remedy", "undecided", "no remedy", "smaller", "perhaps", "no overfitting", "baseline",
         "one seed", "no large"],
)  # fmt: skip
def test_advice_for_each_outcome(metrics, texts):
    text = "\n".join(advice(metrics))
    places = [text.find(each) for each in texts]
    assert -1 not in places, text
    assert places == sorted(places)


def test_a_single_best_remedy_has_no_alternative():
    assert not any("easier for you" in text for text in advice(judged(verdict__best=["tuned/l2_dropout"])))


def test_more_rows_are_advised_if_they_beat_every_remedy():
    curve = invented_curve()
    few = edited(judged(), data__train_rows=1000, variants__large__early__metrics__test_log_loss__mean=0.9)
    assert not any("more rows" in text for text in advice(few, curve))  # 0.55 is not below 0.54
    content = curve.as_json()
    content["variants"]["large"][2]["early"]["mean"] = 0.45
    found = advice(few, type(curve).model_validate(content))
    assert found[-1].startswith("Get more rows if you can: with 3,000 of them the large network alone reaches 0.450")
