"""The report shows the numbers of results/metrics.json, completely, and nothing from elsewhere."""

import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

from overfitting.base.markdown import table
from overfitting.report.answers import headline
from overfitting.report.page import write
from overfitting.report.tables import ranking, ranking_table
from tests.builders.metrics import BASELINES, MANY, ORDER, curves, edited, flat_curves, invented, tuning

SCRIPTS = 4  # the numbers, Observable Plot, run.js beside the page, and the page's own


class Page(HTMLParser):
    """Collects the texts and addresses of a page, and checks that its tags are balanced."""

    VOID = frozenset(("meta", "img", "br", "link", "hr", "input", "wbr"))

    def __init__(self, text):
        super().__init__()
        self.open, self.drawings, self.cells, self.ids, self.addresses, self.text = [], [], [], [], [], ""
        self.captions = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "svg":
            self.drawings.append(attributes)
        if tag in ("td", "th"):
            self.cells.append("")
        if tag == "figcaption":
            self.captions.append("")
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.addresses += [
            attributes[key] for key in ("src", "href", "xlink:href", "srcset", "data") if key in attributes
        ]
        self.addresses += re.findall(r"url\((.*?)\)", " ".join(filter(None, attributes.values())))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data
        if "figcaption" in self.open:
            self.captions[-1] += data


def page(folder):
    return Page((folder / "report.html").read_text())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    metrics, folder = invented(3, MANY, BASELINES), tmp_path_factory.mktemp("results")
    write(metrics, curves(metrics), folder, tuning())
    return metrics, folder


def test_the_page_is_complete_and_loads_no_more_than_the_file_beside_it(written):
    metrics, folder = written
    found = page(folder)
    assert metrics.verdict.prevents in found.text
    assert metrics.verdict.predicts in found.text
    assert all(sentence in found.text for sentence in metrics.verdict.details)
    assert [address for address in found.addresses if not address.startswith("#")] == ["report.zh.html", "run.js"]
    text = (folder / "report.html").read_text().replace('<script src="run.js"></script>', "")
    assert not re.search(r"@import|src=|<link|<img", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))


def test_links_have_targets_and_ids_are_unique(written):
    found = page(written[1])
    assert len(found.ids) == len(set(found.ids))
    assert {address.removeprefix("#") for address in found.addresses} - {"run.js", "report.zh.html"} <= set(found.ids)
    for section in ("results", "curves", "capacity", "strengths", "weights", "calibration", "run", "reproduce"):
        assert f"#{section}" in found.addresses


def test_every_figure_has_a_caption_and_a_description(written):
    metrics, folder = written
    found = page(folder)
    assert len(found.captions) == len(found.drawings) == 6
    assert all(len(caption) > 60 for caption in found.captions)
    assert all(drawing["role"] == "img" for drawing in found.drawings)
    for name in metrics.variants:
        assert sum(name in drawing["aria-label"] for drawing in found.drawings) >= 2, name


def test_colours_are_variables_of_the_page(written):
    text = (written[1] / "report.html").read_text()
    drawings = re.findall(r"<svg xmlns.*?</svg>", text, re.DOTALL)
    assert len(drawings) == 6
    classes = dict(re.findall(r"^\.(s\d+) \{(.*)\}$", text, re.MULTILINE))
    assert "var(--blue)" in " ".join(classes.values())
    for drawing in drawings:
        assert "style=" not in drawing
        assert all(name in classes for name in re.findall(r'class="(\w+)"', drawing))
    assert not re.search("#(ffffff|000000|1b1f24|0072b2)", " ".join(classes.values()))


def test_tables_state_the_numbers_in_the_order_of_blocks(written):
    metrics, folder = written
    cells = page(folder).cells
    assert [cell for cell in cells if cell in MANY][: len(MANY)] == MANY
    markdown = (folder / "report.md").read_text()
    for found in (*(variant.early for variant in metrics.variants.values()), *metrics.baselines.values()):
        loss = found.log_loss
        expected = f"{loss.mean:.4f} ({loss.ci_low:.4f} to {loss.ci_high:.4f})"
        assert expected in cells
        assert expected in markdown
        assert f"{found.metrics['test_auc'].mean:.4f}" in cells
    late = metrics.variants["tiny"].late.difference
    assert any(cell.startswith(f"{late.mean:+.4f} ({late.ci_low:+.4f}") and cell.endswith(" worse") for cell in cells)
    assert table(*ranking(metrics)) in markdown


def test_an_ensemble_has_no_training_numbers(written):
    metrics, folder = written
    row = next(row for row in ranking(metrics)[1] if row[0] == "ensemble")
    assert row.count("–") == 2  # gap and best epoch
    count = metrics.variants["ensemble"].networks
    assert f"mean of the logits of {count} networks of large" in page(folder).cells


def test_figures_are_written_beside_the_report(written):
    _, folder = written
    files = {path.name for path in (folder / "figures").iterdir()}
    names = ("forest", "curves", "capacity", "strengths", "weights", "calibration")
    assert files == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}
    linked = re.findall(r"\]\((figures/[^)]+)\)", (folder / "report.md").read_text())
    assert len(linked) == len(names)
    assert all(text.strip() for text in re.findall(r"!\[([^\]]*)\]", (folder / "report.md").read_text()))
    assert all((folder / path).is_file() for path in linked)


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    metrics = invented(2, ["l2", "large"], BASELINES)
    for folder in (tmp_path / "first", tmp_path / "second"):
        write(metrics, curves(metrics), folder, tuning())
    for path in sorted(path for path in (tmp_path / "first").rglob("*") if path.is_file()):
        assert (tmp_path / "second" / path.relative_to(tmp_path / "first")).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize(
    ("seeds", "names"), [(1, ORDER), (3, ["l2"]), (2, ["tiny", "own_variant"]), (2, ["l2", "ensemble", "large"])]
)
def test_other_comparisons_are_drawn_too(tmp_path, seeds, names):
    metrics = invented(seeds, names)
    write(metrics, curves(metrics), tmp_path)
    found = page(tmp_path)
    assert list(dict.fromkeys(cell for cell in found.cells if cell in names)) == names
    assert not (tmp_path / "figures" / "strengths.svg").exists()


def test_results_without_trained_variants_baselines_and_details_are_drawn_too(tmp_path):
    metrics = edited(invented(2, ["ensemble"]), verdict__details=[], weight_bins=[])
    write(metrics, curves(metrics), tmp_path)
    assert len(page(tmp_path).captions) == 2


def test_one_epoch_is_enough(tmp_path):
    write(invented(1, ["l2", "large"]), flat_curves(["l2", "large"], 1, 1), tmp_path)
    assert (tmp_path / "figures" / "curves.svg").is_file()


def test_searches_on_other_data_are_not_shown(tmp_path):
    metrics = invented(2, ["l2", "large"])
    write(metrics, curves(metrics), tmp_path, tuning(data="other"))
    assert not (tmp_path / "figures" / "strengths.svg").exists()
    assert "#strengths" not in page(tmp_path).addresses


def test_names_are_escaped(tmp_path):
    metrics = edited(invented(2, ["l2", "large"]), verdict__prevents="<script>alert(1)</script>")
    write(metrics, curves(metrics), tmp_path)
    assert (tmp_path / "report.html").read_text().count("<script") == SCRIPTS


def test_markup_in_a_name_stays_text(tmp_path):
    name = '"><script>alert(1)</script>| style="x" $y$'
    metrics = invented(2, [name, "large"])
    write(metrics, curves(metrics), tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert text.count("<script") == SCRIPTS
    assert name in Page(text).cells
    assert name.replace("|", "\\|") in table(*ranking(metrics))


def test_without_large_nothing_is_compared_with_it(tmp_path):
    metrics = edited(invented(2, ["l2", "tiny"], BASELINES), verdict__details=[])
    write(metrics, curves(metrics), tmp_path, tuning())
    for name in ("report.html", "report.md"):
        text = Page((tmp_path / name).read_text()).text.replace("Add large to the variants", "")
        assert not re.search(r"\blarge\b", text), name
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(ranking_table(metrics))
    assert "large" not in console.export_text()


def test_all_other_numbers_are_there(written):
    metrics, folder = written
    cells = page(folder).cells
    for found in metrics.variants.values():
        assert f"{found.parameters:,}" in cells
        numbers = [found.early.metrics[key] for key in ("test_brier", "test_calibration_error")]
        if training := found.training:
            early = training.early
            numbers.append(early.weight_norm)
            assert all(f"{share.mean:.2%}" in cells for share in (early.near_zero_share, early.zero_share))
            assert f"{early.val_log_loss.mean:.4f} → {early.val_log_loss_pruned.mean:.4f}" in cells
        assert all(f"{number.mean:#.4g}" in cells for number in numbers)
    assert "never" in cells
    assert "gap > 0.05 from epoch" in cells


def test_how_it_was_run_is_stated(written):
    text = page(written[1]).text
    for value in (
        "abc123",
        "who & when",
        "per seed, of its own: training 10,000, validation 5,000; pool 50,000, search 5,000, test 20,000",
        "standard, 3 features",
        "0, 1, 2",
        "keras 3",
        "f00",
        "runs/tuned/l2/0/early.keras",
        "make repro",
    ):
        assert value in text, value


def test_the_title_states_what_prevents_overfitting(written):
    metrics, folder = written
    assert f"<title>What prevents overfitting? {headline(metrics)}</title>" in (folder / "report.html").read_text()
    assert headline(metrics).startswith("early stopping, L2, dropout and ")
    assert (
        headline(invented(1))
        == headline(invented(2, ORDER[:2] * 1 + ["tiny", "l2", "small", "own"]))
        == "6 variants compared"
    )
    assert (
        headline(edited(invented(2, ["large", "tiny"]), early_stopping__status="undecided")) == "nothing shown so far"
    )


def test_a_long_training_keeps_the_page_small(tmp_path):
    metrics = invented(3, ["large", "l2"])
    table = curves(metrics, epochs=4000)
    table["val_log_loss"] += np.random.default_rng(0).normal(0, 0.01, len(table))
    write(metrics, table, tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 600_000


def test_many_variants_keep_the_page_small(written):
    assert (written[1] / "report.html").stat().st_size < 1_500_000


def test_arithmetic_that_is_not_float32_is_noted_with_the_table(tmp_path):
    metrics = edited(invented(2, ["l2", "large"]), run__arithmetic="mixed_bfloat16 with XLA")
    write(metrics, curves(metrics), tmp_path)
    assert "*arithmetic*: mixed_bfloat16 with XLA, not float32 alone" in (tmp_path / "report.md").read_text()
