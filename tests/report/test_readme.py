"""The computed part of the READMEs."""

import pytest

from overfitting.base.errors import UserError
from overfitting.report.readme import README, chinese_sentence, computed, updated
from overfitting.report.tables import ranking_markdown
from tests.builders.metrics import BASELINES, ORDER, edited, invented

PAGE = "# x\n<!-- verdict -->\nold\n<!-- /verdict -->\ntext\n<!-- table -->\nold\n<!-- /table -->\nend\n"


def test_a_page_keeps_its_markers_and_the_text_around_them():
    contents = {"verdict": "> L2 is best.", "table": "| a |"}
    after = updated(PAGE, contents)
    assert after == PAGE.replace("old", "> L2 is best.", 1).replace("old", "| a |")
    assert updated(after, contents) == after


def test_a_page_without_markers_is_an_error():
    with pytest.raises(UserError, match="<!-- details -->"):
        updated(PAGE, {"details": "x"})


def test_the_english_page_has_verdict_ranking_and_details():
    metrics = invented(2, ORDER, BASELINES)
    contents = computed(metrics)[README]
    assert metrics.verdict.sentence in contents["verdict"]
    assert contents["table"] == ranking_markdown(metrics)
    assert "gradient_boosting" in contents["table"]
    assert contents["details"].splitlines() == [f"- {sentence}" for sentence in metrics.verdict.details]


def grouped(**groups):
    return edited(invented(3, list(groups)), **{f"variants__{name}__group": group for name, group in groups.items()})


def test_the_chinese_sentence_has_the_numbers_and_groups():
    metrics = grouped(l2_dropout="best", dropout="best", l2="better", l1="tied", large="reference", tiny="worse")
    found = metrics.variants["l2_dropout"]
    sentence = chinese_sentence(metrics)
    assert "l2_dropout、dropout 并列最佳" in sentence
    assert f"{found.log_loss.mean:.4f}" in sentence
    assert f"{-found.difference.ci_high:.4f} 至" in sentence
    assert sentence.endswith("；优于 large、但不是最佳：l2；与 large 无法区分：l1；劣于 large：tiny。")
    assert "l2_dropout 最佳" in chinese_sentence(edited(metrics, variants__dropout__group="better"))


def test_the_chinese_sentence_says_if_nothing_helps():
    assert "没有一种方法优于 large" in chinese_sentence(grouped(large="best", l2="tied"))


@pytest.mark.parametrize("metrics", [invented(1), invented(3, ["l2", "l1"])], ids=["one seed", "no large"])
def test_a_sentence_that_ranks_nothing_against_large_stays_in_english(metrics):
    assert chinese_sentence(metrics) == metrics.verdict.sentence
