"""The computed part of the READMEs."""

import pytest

from overfitting.base.errors import UserError
from overfitting.report.readme import CHINESE, README, chinese_sentence, computed, updated
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


def test_the_english_page_has_both_answers_the_table_and_details():
    metrics = invented(2, ORDER, BASELINES)
    contents = computed(metrics)[README]
    assert contents["verdict"] == f"> {metrics.verdict.prevents}\n>\n> {metrics.verdict.predicts}"
    assert contents["table"].startswith("| variant | late difference | early difference | test log loss |")
    assert "gradient_boosting" in contents["table"]
    assert contents["details"].splitlines() == [f"- {sentence}" for sentence in metrics.verdict.details]


def test_the_chinese_page_has_the_same_numbers():
    metrics = invented(3, ORDER, BASELINES)
    contents = computed(metrics)[CHINESE]
    found, large = metrics.variants["tuned/l2"], metrics.variants["large"]
    assert contents["verdict"].startswith("> 能防止过拟合：")
    assert f"{large.late.log_loss.mean:.3f}" in contents["verdict"]
    assert f"L2（{found.late.log_loss.mean:.3f}）" in contents["verdict"]
    assert f"降到 {found.early.log_loss.mean:.4f}（区间 {-found.early.difference.ci_high:.4f} 至" in contents["verdict"]
    assert "| 方法 | 最后一轮与 large 之差 |" in contents["table"]
    assert ": 更好 |" in contents["table"]
    assert "better" not in contents["table"]
    changed = edited(metrics, **{"variants__tuned/l2__early__difference__status": "undecided"})
    for name in ("l2_dropout",):
        changed = edited(changed, **{f"variants__{name}__early__difference__status": "undecided"})
    assert "没有一种方法被证实比早停的大网络预测得更好" in chinese_sentence(changed)


@pytest.mark.parametrize("metrics", [invented(1), invented(3, ["l2", "l1"])], ids=["one seed", "no large"])
def test_a_sentence_that_compares_nothing_with_large_stays_in_english(metrics):
    assert chinese_sentence(metrics) == metrics.verdict.sentence
