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
            "group": ["best", "better", "reference", "worse"][rank % 4],
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
    run = {"seeds": list(range(seeds)), "training": "default", "fingerprint": "f00", "versions": {"keras": "3"}}
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
        if self.open and self.open[-1] == "td":
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
    assert "url(" not in page.text


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
    assert all((folder / path).is_file() for path in linked)


def test_the_same_numbers_give_the_same_bytes(written, tmp_path):
    metrics, folder = written
    write(metrics, curves(metrics), tmp_path)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize(
    ("seeds", "names"), [(1, ORDER), (3, ["l2"]), (2, ["tiny", "own_variant"]), (2, [f"v{i}" for i in range(12)])]
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


def test_the_terminal_shows_the_ranking_whole():
    metrics = invented()
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(ranking_table(metrics))
    text = console.export_text()
    assert "…" not in text
    for row in ranking(metrics):
        assert row[1] in text
        assert row[2] in text
