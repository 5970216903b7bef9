"""The computed part of the READMEs."""

import pytest

from overfitting.base.errors import UserError
from overfitting.report.readme import PAGES, computed, updated
from tests.builders.metrics import BASELINES, ORDER, invented

PAGE = "# x\n<!-- verdict -->\nold\n<!-- /verdict -->\ntext\n<!-- table -->\nold\n<!-- /table -->\nend\n"


def test_a_page_keeps_its_markers_and_the_text_around_them():
    contents = {"verdict": "> L2 is best.", "table": "| a |"}
    after = updated(PAGE, contents)
    assert after == PAGE.replace("old", "> L2 is best.", 1).replace("old", "| a |")
    assert updated(after, contents) == after


def test_a_page_without_markers_is_an_error():
    with pytest.raises(UserError, match="<!-- details -->"):
        updated(PAGE, {"details": "x"})


def test_both_pages_have_answers_table_and_details_in_their_language():
    metrics = invented(3, ORDER, BASELINES)
    english, chinese = (computed(metrics)[page] for page in PAGES)
    assert english["verdict"] == f"> {metrics.verdict.prevents}\n>\n> {metrics.verdict.predicts}"
    assert english["table"].startswith("| variant | late difference | early difference | test log loss |")
    assert "gradient_boosting" in english["table"]
    assert english["details"].splitlines() == [f"- {sentence}" for sentence in metrics.verdict.details]
    found, large = metrics.variants["tuned/l2"], metrics.variants["large"]
    assert chinese["verdict"].startswith("> 过拟合可以防止。大网络训练满")
    assert f"是 {large.late.log_loss.mean:.3f}；" in chinese["verdict"]
    assert f"L2（{found.late.log_loss.mean:.3f}）" in chinese["verdict"]
    assert f"降到 {found.early.log_loss.mean:.4f}，" in chinese["verdict"]
    assert "| 方法 | 最后一轮与 large 之差 |" in chinese["table"]
    assert ": 更好 |" in chinese["table"]
    assert "better" not in chinese["table"]
