"""The report shows the numbers of results/metrics.json, completely, and nothing from elsewhere."""

import copy
import io
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from overfitting.report import ranking, ranking_markdown, ranking_table, write
from overfitting.statistics import seed_interval

ORDER = ["l2_dropout", "l2", "large", "tiny"]
INTERVALS = [
    "test_log_loss",
    "test_auc",
    "test_accuracy",
    "test_brier",
    "test_calibration_error",
    "gap_best",
    "gap_last",
    "best_epoch",
    "epochs",
    "train_log_loss_best",
    "val_log_loss_best",
    "train_log_loss_last",
    "val_log_loss_last",
    "rise_after_best",
    "weight_norm",
    "near_zero_share",
    "seconds",
]


def group(rank, name, large_ran):
    if rank == 0:
        return "best"
    if name == "large":
        return "reference"
    return "better" if large_ran and rank == 1 else "worse"


def invented(seeds=3, names=ORDER):
    generator = np.random.default_rng(0)
    variants = {}
    for rank, name in enumerate(names):
        values = {key: seed_interval(generator.normal(0.5 + 0.05 * rank, 0.01, seeds), 0.95) for key in INTERVALS}
        difference = {**seed_interval(generator.normal(0.1, 0.01, seeds), 0.95), "p_value": 0.001, "p_holm": 0.0123}
        variants[name] = {
            "parameters": 1000 * (rank + 1),
            **values,
            "difference_to_large": None if name == "large" else {"test_log_loss": difference, "test_auc": difference},
            "group": group(rank, name, "large" in names),
        }
    data = {
        "source": "bundled",
        "licence": "CC0-1.0",
        "citation": "who & when",
        "sha256": "abc123",
        "rows": 40000,
        "columns": ["a", "b"],
        "train_rows": 10000,
        "validation_rows": 5000,
        "test_rows": 25000,
        "duplicates_dropped": 0,
        "scaling": "standard",
    }
    run = {
        "seeds": list(range(seeds)),
        "training": "default",
        "arithmetic": "float32",
        "fingerprint": "f00",
        "versions": {"keras": "3"},
    }
    verdict = {"sentence": "On 25,000 rows, l2_dropout is best.", "best": [names[0]], "ranking": list(names)}
    return {"data": data, "run": run, "variants": variants, "verdict": verdict}


def curves(metrics, epochs=20):
    rows = [
        (name, seed, epoch, 0.7 / epoch**0.2, 0.7 / epoch**0.1)
        for index, name in enumerate(metrics["variants"])
        for seed in metrics["run"]["seeds"]
        for epoch in range(1, epochs * (index + 1) + seed)  # variants and seeds stop at different epochs
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "epoch", "train_log_loss", "val_log_loss"])


class Page(HTMLParser):
    """Collects what a page shows and loads, and whether its tags are balanced."""

    VOID = frozenset(("meta", "img", "br", "link", "hr", "input"))

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.cells, self.captions, self.loaded, self.text = [], [], [], 0, [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(attributes)
        self.captions += tag == "figcaption"
        if tag in ("img", "script", "link", "iframe", "source"):
            self.loaded.append(attributes.get("src") or attributes.get("href") or "")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.cells.append(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    metrics, folder = invented(), tmp_path_factory.mktemp("results")
    write(metrics, curves(metrics), folder)
    return metrics, folder


def test_the_page_is_whole_and_needs_no_network(written):
    metrics, folder = written
    page = Page((folder / "report.html").read_text())
    assert metrics["verdict"]["sentence"] in page.text
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.loaded)
    assert len(page.images) == page.captions == 4
    assert all(len(image["alt"]) > 20 for image in page.images)
    assert not re.search(r"url\(|@import|https?://", (folder / "report.html").read_text())


def test_tables_state_the_numbers_in_the_order_of_the_ranking(written):
    metrics, folder = written
    cells = Page((folder / "report.html").read_text()).cells
    assert [cell for cell in cells if cell in ORDER][:4] == ORDER
    markdown = (folder / "report.md").read_text()
    for name in ORDER:
        loss = metrics["variants"][name]["test_log_loss"]
        expected = f"{loss['mean']:.4f} ({loss['ci_low']:.4f} to {loss['ci_high']:.4f})"
        assert expected in cells
        assert expected in markdown
        assert f"{metrics['variants'][name]['test_auc']['mean']:.4f}" in cells
    assert "0.0123" in cells
    assert ranking_markdown(metrics) in markdown


def test_figures_lie_beside_the_report(written):
    _, folder = written
    files = {path.name for path in (folder / "figures").iterdir()}
    assert files == {f"{name}.{kind}" for name in ("forest", "curves", "gaps", "capacity") for kind in ("png", "svg")}
    linked = re.findall(r"\]\((figures/[^)]+)\)", (folder / "report.md").read_text())
    assert len(linked) == 4
    assert all(text.strip() for text in re.findall(r"!\[([^\]]*)\]", (folder / "report.md").read_text()))
    assert all((folder / path).is_file() for path in linked)


def test_the_same_numbers_give_the_same_bytes(written, tmp_path):
    metrics, folder = written
    write(metrics, curves(metrics), tmp_path)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize(
    ("seeds", "names"), [(1, ORDER), (3, ["l2"]), (2, ["tiny", "own_variant"]), (2, [f"v{i}" for i in range(8)])]
)
def test_other_comparisons_are_drawn_too(tmp_path, seeds, names):
    metrics = invented(seeds, names)
    write(metrics, curves(metrics), tmp_path)
    page = Page((tmp_path / "report.html").read_text())
    assert [cell for cell in page.cells if cell in names][: len(names)] == names


def test_names_are_escaped(tmp_path):
    metrics = copy.deepcopy(invented())
    metrics["verdict"]["sentence"] = "<script>alert(1)</script>"
    write(metrics, curves(metrics), tmp_path)
    assert "<script" not in (tmp_path / "report.html").read_text()


def test_a_name_that_is_markup_stays_a_name(tmp_path):
    name = '"><script>alert(1)</script>|'
    metrics = invented(2, [name, "large"])
    write(metrics, curves(metrics), tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert "<script" not in text
    assert name in Page(text).cells
    assert name.replace("|", "\\|") in ranking_markdown(metrics)


def test_without_large_nothing_is_compared_with_it(tmp_path):
    metrics = invented(2, ["l2", "tiny"])
    write(metrics, curves(metrics), tmp_path)
    for page in ("report.html", "report.md"):
        assert not re.search(r"\blarge\b", Page((tmp_path / page).read_text()).text), page
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(ranking_table(metrics))
    assert "large" not in console.export_text()


def test_all_other_numbers_are_there_with_four_digits(written):
    metrics, folder = written
    cells = Page((folder / "report.html").read_text()).cells
    for found in metrics["variants"].values():
        assert f"{found['parameters']:,}" in cells
        for key in ("test_brier", "test_calibration_error", "weight_norm", "near_zero_share", "seconds"):
            assert f"{found[key]['mean']:#.4g}" in cells


def test_how_it_was_run_is_stated(written):
    _, folder = written
    text = Page((folder / "report.html").read_text()).text
    for value in (
        "abc123",
        "who & when",
        "training 10,000, validation 5,000, test 25,000",
        "0, 1, 2",
        "keras 3",
        "f00",
    ):
        assert value in text
    assert "make repro" in text


def test_a_long_training_keeps_the_page_small(tmp_path):
    metrics = invented(3, ["large", "l2"])
    table = curves(metrics, epochs=4000)
    table["val_log_loss"] += np.random.default_rng(0).normal(0, 0.01, len(table))
    write(metrics, table, tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 500_000


def test_the_terminal_shows_the_ranking_whole():
    metrics = invented()
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(ranking_table(metrics))
    text = console.export_text()
    assert "…" not in text
    for row in ranking(metrics):
        assert row[1] in text
        assert row[2] in text


def test_arithmetic_that_is_not_float32_is_noted_with_the_table(tmp_path):
    metrics = invented()
    metrics["run"]["arithmetic"] = "mixed_bfloat16 with XLA"
    write(metrics, curves(metrics), tmp_path)
    assert "*arithmetic*: mixed_bfloat16 with XLA, not float32 alone" in (tmp_path / "report.md").read_text()
