"""The part of README.md and README.zh-CN.md that is computed: the verdict and the ranking of results/."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from overfitting.base.errors import UserError
from overfitting.evaluation.statistics import PRIMARY, REFERENCE
from overfitting.report.page import ranking_markdown

README, CHINESE = Path("README.md"), Path("README.zh-CN.md")


def update(metrics: Mapping[str, Any]) -> None:
    """Write the verdict and the ranking of `metrics` into both pages."""
    for page, contents in computed(metrics).items():
        page.write_text(updated(page.read_text(encoding="utf-8"), contents), encoding="utf-8")


def computed(metrics: Mapping[str, Any]) -> dict[Path, dict[str, str]]:
    """What stands between the markers of each page, such as `<!-- table -->` and `<!-- /table -->`."""
    table, verdict = ranking_markdown(metrics), metrics["verdict"]
    details = "\n".join(f"- {sentence}" for sentence in verdict["details"])
    return {
        README: {"verdict": f"> {verdict['sentence']}", "table": table, "details": details},
        CHINESE: {"verdict": f"> {chinese_sentence(metrics)}", "table": table},
    }


def updated(text: str, contents: Mapping[str, str]) -> str:
    """The page with `contents` between its markers.

    Raises:
        UserError: the markers are not there.
    """
    for mark, content in contents.items():
        before, found, rest = text.partition(f"<!-- {mark} -->\n")
        _, closed, after = rest.partition(f"<!-- /{mark} -->")
        if not found or not closed:
            raise UserError(f"README: expected the lines <!-- {mark} --> and <!-- /{mark} -->")
        text = f"{before}{found}{content}\n{closed}{after}"
    return text


def chinese_sentence(metrics: Mapping[str, Any]) -> str:
    """The verdict in Chinese, from the same numbers as `verdict.verdict`.

    With one seed only, or without `large`, it is the English one, which then is no verdict.
    """
    if len(metrics["run"]["seeds"]) < 2 or REFERENCE not in metrics["variants"]:
        return str(metrics["verdict"]["sentence"])
    variants, ranking = metrics["variants"], metrics["verdict"]["ranking"]
    groups = {
        group: [name for name in ranking if variants[name]["group"] == group]
        for group in ("best", "better", "tied", "worse")
    }
    first, large = variants[ranking[0]], variants[REFERENCE]
    sample = f"在 {metrics['data']['test_rows']:,} 行未见过的数据、{len(first[PRIMARY]['seeds'])} 个随机种子上"
    if REFERENCE in groups["best"]:
        parts = [f"{sample}，没有一种方法优于 large（对数损失 {large[PRIMARY]['mean']:.4f}）"]
    else:
        found = first["difference_to_large"][PRIMARY]
        tied = "并列最佳" if len(groups["best"]) > 1 else "最佳"
        parts = [
            f"{sample}，{_join(groups['best'])} {tied}：{ranking[0]} 的对数损失为 {first[PRIMARY]['mean']:.4f}，"
            f"large 为 {large[PRIMARY]['mean']:.4f}，低 {-found['mean']:.4f}"
            f"（置信区间 {-found['ci_high']:.4f} 至 {-found['ci_low']:.4f}）"
        ]
    texts = {"better": "优于 large、但不是最佳：{}", "tied": "与 large 无法区分：{}", "worse": "劣于 large：{}"}
    parts += [text.format(_join(groups[group])) for group, text in texts.items() if groups[group]]
    return "；".join(parts) + "。"


def _join(names: Sequence[str]) -> str:
    return "、".join(names)
