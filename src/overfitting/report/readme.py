"""The computed part of README.md and README.zh-CN.md: verdict, ranking and details."""

from collections.abc import Mapping
from pathlib import Path

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.markdown import table
from overfitting.evaluation.learning_curve import LearningCurve, best_worth, rows_in_words
from overfitting.evaluation.results import REFERENCE, Metrics
from overfitting.report import tables
from overfitting.report.answers import answers

README, CHINESE = Path("README.md"), Path("README.zh-CN.md")
COLUMNS = {
    "variant": "方法",
    tables.LATE: "最后一轮与 large 之差",
    tables.EARLY: "最佳一轮与 large 之差",
    "test log loss": "测试对数损失",
}
STATUSES = {
    "better": "更好",
    "worse": "更差",
    "equivalent": "相当",
    "undecided": "未定",
    "one seed": "一个种子",
    "reference": "基准",
}
WORDS = {
    "tiny": "极小网络", "small": "小网络", "medium": "中等网络", "l1": "L1", "l1_proximal": "软阈值 L1", "l2": "L2",
    "dropout": "dropout", "l2_dropout": "L2 加 dropout",
}  # fmt: skip


def update(metrics: Metrics, curve: LearningCurve | None) -> None:
    """Write the answers and the table of `metrics` into both pages."""
    for page, contents in computed(metrics, curve).items():
        files.write_text(page, updated(page.read_text(encoding="utf-8"), contents))


def computed(metrics: Metrics, curve: LearningCurve | None = None) -> dict[Path, dict[str, str]]:
    """Text between the markers of each page; `table` stands between `<!-- table -->` and `<!-- /table -->`."""
    header, rows = tables.ranking(metrics)
    chosen = [header.index(name) for name in COLUMNS if name in header]
    names, cells = [header[place] for place in chosen], [[row[place] for place in chosen] for row in rows]
    details = "\n".join(f"- {sentence}" for sentence in metrics.verdict.details)
    verdict = "\n>\n".join(f"> {answer}" for answer in answers(metrics, curve))
    chinese = table([COLUMNS[name] for name in names], [[_translated(cell) for cell in row] for row in cells])
    return {
        README: {"verdict": verdict, "table": table(names, cells), "details": details},
        CHINESE: {"verdict": f"> {chinese_sentence(metrics)}{_worth(metrics, curve)}", "table": chinese},
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
    """Both answers in Chinese, from the same numbers as `verdict.verdict`.

    With one seed only, or without `large`, nothing is compared with `large`, and the sentence stays English.
    """
    if len(metrics.run.seeds) < 2 or REFERENCE not in metrics.variants:
        return metrics.verdict.sentence
    large, late = metrics.variants[REFERENCE], metrics.with_status("late", "better")
    early = metrics.with_status("early", "better")
    end, best_epoch = large.late.log_loss.mean, large.early.log_loss.mean
    ends = f"一直训练到最后一轮，大网络的测试对数损失是 {end:.3f}，最佳一轮时是 {best_epoch:.3f}"
    parts = [f"{ends}；没有一种方法被证实能防止过拟合"]
    if late:
        shown = "、".join(f"{_in_words(name)}（{metrics.variants[name].late.log_loss.mean:.3f}）" for name in late[:3])
        parts = [f"能防止过拟合：{ends}；不早停也能更低的有 {len(late)} 种方法，最低的是 {shown}"]
    if not early:
        return f"{parts[0]}。没有一种方法被证实比早停的大网络预测得更好。"
    top = metrics.variants[early[0]].early
    low, high = top.difference.interval if top.difference else (0.0, 0.0)
    best = "、".join(_in_words(name) for name in metrics.verdict.best)
    loss, before = top.log_loss.mean, large.early.log_loss.mean
    return (
        f"{parts[0]}。在早停之外，有 {len(early)} 种方法预测得更好；最好的方法在其中：{best}。"
        f"{_in_words(early[0])} 的测试对数损失从 {before:.4f} 降到 {loss:.4f}（区间 {-high:.4f} 至 {-low:.4f}）。"
    )


def _worth(metrics: Metrics, curve: LearningCurve | None) -> str:
    """What the best remedy is worth in rows, in Chinese; empty without a learning curve."""
    found = best_worth(curve, metrics.data.train_rows) if curve else None
    if not curve or not found:
        return ""
    name, rows, worth = found
    equal, low, high = (rows_in_words(curve, value, "不到", "超过") for value in (worth.rows, worth.low, worth.high))
    return f"用{_in_words(name)}，{rows:,} 行训练数据抵得上早停的大网络的 {equal} 行（区间 {low} 至 {high}）。"


def _in_words(name: str) -> str:
    plain = name.removeprefix("tuned/")
    return WORDS.get(plain, plain)


def _translated(cell: str) -> str:
    """A cell of the table with its status in Chinese."""
    found, colon, status = cell.rpartition(": ")
    for english, chinese in STATUSES.items():
        status = status.replace(english, chinese, 1) if status.startswith(english) else status
    status = status.replace(" seeds would decide", " 个种子可定").replace("more rows needed", "需要更多行")
    return f"{found}{colon}{status}".replace(" to ", " 至 ").replace("early stopping", "早停")
