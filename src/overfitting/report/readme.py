"""The computed part of README.md and README.zh-CN.md: verdict, ranking and details."""

from collections.abc import Mapping
from pathlib import Path

from overfitting.base.errors import UserError
from overfitting.evaluation.results import REFERENCE, Metrics
from overfitting.report.tables import ranking_markdown

README, CHINESE = Path("README.md"), Path("README.zh-CN.md")
_join = "、".join


def update(metrics: Metrics) -> None:
    """Write the verdict and the ranking of `metrics` into both pages."""
    for page, contents in computed(metrics).items():
        page.write_text(updated(page.read_text(encoding="utf-8"), contents), encoding="utf-8")


def computed(metrics: Metrics) -> dict[Path, dict[str, str]]:
    """Text between the markers of each page; `table` stands between `<!-- table -->` and `<!-- /table -->`."""
    table = ranking_markdown(metrics)
    details = "\n".join(f"- {sentence}" for sentence in metrics.verdict.details)
    return {
        README: {"verdict": f"> {metrics.verdict.sentence}", "table": table, "details": details},
        CHINESE: {"verdict": f"> {chinese_sentence(metrics)}", "table": table},
    }


def updated(text: str, contents: Mapping[str, str]) -> str:
    """The page `text` with `contents` between its markers.

    Raises:
        UserError: a marker is missing.
    """
    for mark, content in contents.items():
        before, found, rest = text.partition(f"<!-- {mark} -->\n")
        _, closed, after = rest.partition(f"<!-- /{mark} -->")
        if not found or not closed:
            raise UserError(f"README: expected the lines <!-- {mark} --> and <!-- /{mark} -->")
        text = f"{before}{found}{content}\n{closed}{after}"
    return text


def chinese_sentence(metrics: Metrics) -> str:
    """The verdict in Chinese, from the same numbers as `verdict.verdict`.

    With one seed only, or without `large`, nothing is ranked against `large`, and the sentence stays English.
    """
    if len(metrics.run.seeds) < 2 or REFERENCE not in metrics.variants:
        return metrics.verdict.sentence
    variants, ranking = metrics.variants, metrics.verdict.ranking
    groups = {
        group: [name for name in ranking if variants[name].group == group]
        for group in ("best", "better", "tied", "worse")
    }
    first, large = variants[ranking[0]], variants[REFERENCE]
    sample = f"在 {metrics.data.test_rows:,} 行未见过的数据、{len(first.log_loss.seeds)} 个随机种子上"
    if first.difference is None or REFERENCE in groups["best"]:
        parts = [f"{sample}，没有一种方法优于 large（对数损失 {large.log_loss.mean:.4f}）"]
    else:
        tied = "并列最佳" if len(groups["best"]) > 1 else "最佳"
        low, high = first.difference.interval
        parts = [
            f"{sample}，{_join(groups['best'])} {tied}：{ranking[0]} 的对数损失为 {first.log_loss.mean:.4f}，"
            f"large 为 {large.log_loss.mean:.4f}，低 {-first.difference.mean:.4f}"
            f"（置信区间 {-high:.4f} 至 {-low:.4f}）"
        ]
    texts = {"better": "优于 large、但不是最佳：{}", "tied": "与 large 无法区分：{}", "worse": "劣于 large：{}"}
    parts += [text.format(_join(groups[group])) for group, text in texts.items() if groups[group]]
    return "；".join(parts) + "。"
