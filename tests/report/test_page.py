"""The report shows the numbers of results/metrics.json, completely, and nothing from elsewhere."""

import copy
import io
import re
import subprocess
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from overfitting.evaluation.statistics import seed_interval
from overfitting.report.page import headline, ranking_markdown, write
from overfitting.report.tables import TERMINAL_WIDTH, ranking, ranking_table
from overfitting.stages.report import commit

ORDER = ["l2_dropout", "l2", "large", "tiny"]
MANY = [
    *ORDER[:2],
    "ensemble",
    "l1",
    *(f"remedy_{index}" for index in range(10)),
    "large",
    "medium",
    "tiny",
    "last_epoch",
]
REFERENCES = ["hist_gradient_boosting", "random_forest", "logistic_regression"]
TEST = ["test_log_loss", "test_auc", "test_accuracy", "test_brier", "test_calibration_error"]
TRAINING = [
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
    "near_zero_share_initial",
    "zero_share",
    "seconds",
]
BINS = np.arange(-8, 1.01, 0.25)


def group(rank, name, large_ran):
    if rank == 0:
        return "best"
    if name == "large":
        return "reference"
    return "better" if large_ran and rank == 1 else "worse"


def invented(seeds=3, names=ORDER, references=()):
    """What evaluate writes, from invented numbers: the further down in `names`, the larger."""
    generator = np.random.default_rng(0)

    def values(keys, level):
        return {key: seed_interval(generator.normal(level, 0.01, seeds), 0.95) for key in keys}

    def to_large(mean, **p_values):
        return {key: {**seed_interval(generator.normal(mean, 0.01, seeds), 0.95), **p_values} for key in TEST}

    variants = {}
    for rank, name in enumerate(names):
        compared = "large" in names and name != "large"
        variants[name] = {
            "description": f"{name}: what {name} is",
            "parameters": 1000 * (rank + 1),
            **values(TEST, 0.5 + 0.05 * rank),
            **({"ensemble_of": "large"} if name == "ensemble" else trained(values, rank, seeds)),
            "calibration": reliability(generator),
            "difference_to_large": to_large(0.1, p_value=0.001, p_holm=0.0123) if compared else None,
            "group": group(rank, name, "large" in names),
        }
    return {
        "data": invented_data(),
        "run": {
            "seeds": list(range(seeds)),
            "training": "default",
            "arithmetic": "float32",
            "fingerprint": "f00",
            "versions": {"keras": "3"},
        },
        "variants": variants,
        "weight_bins": BINS.tolist(),
        "gap_size": 0.05,
        "references": {
            name: {
                **values(TEST, 0.5),
                "difference_to_large": to_large(-0.05, p_value=0.5) if "large" in names else None,
            }
            for name in references
        },
        "champion": {"variant": names[0], "column": f"{names[0]}/0", "models": [f"runs/{names[0]}/0/model.keras"]},
        "verdict": {
            "sentence": "On 25,000 rows, l2_dropout is best; the rest is not.",
            "details": ["Trained on, large overfits.", "l2 loses least by training on."],
            "best": [names[0]],
            "ranking": list(names),
        },
    }


def trained(values, rank, seeds):
    """What a variant has that was trained, as an ensemble was not."""
    histogram = np.exp(-((BINS[:-1] + 2 + 0.1 * rank) ** 2))
    return {
        "train_rows": 10000,
        **values(TRAINING, 0.5 + 0.05 * rank),
        "gap_epoch": {"median": None if rank == 0 else 4.5, "seeds": [None if rank == 0 else 4] * seeds},
        "weights": {"histogram": (histogram / histogram.sum()).tolist()},
    }


def reliability(generator):
    middle = (np.arange(15) + 0.5) / 15
    rows = np.where(np.arange(15) == 14, 0, 1000 * (1.2 - middle))  # the last bin is empty
    observed = [None if not n else float(x) for x, n in zip(middle + generator.normal(0, 0.02, 15), rows, strict=True)]
    return {
        "predicted": [None if not n else float(x) for x, n in zip(middle, rows, strict=True)],
        "observed": observed,
        "rows": rows.tolist(),
    }


def invented_data():
    return {
        "source": "bundled",
        "licence": "CC0-1.0",
        "citation": "who & when",
        "sha256": "abc123",
        "rows": 40000,
        "columns": ["a", "b"],
        "features": ["a", "cos b", "sin b"],
        "train_rows": 10000,
        "validation_rows": 5000,
        "test_rows": 25000,
        "spare_rows": 20000,
        "duplicates_dropped": 0,
        "scaling": "standard",
        "fingerprint": "da7a",
    }


def curves(metrics, epochs=20):
    """Curves of all that was trained; variants and seeds stop at different epochs."""
    rows = [
        (name, seed, epoch, 0.7 / epoch**0.2, 0.7 / epoch**0.1)
        for index, (name, found) in enumerate(metrics["variants"].items())
        if "ensemble_of" not in found
        for seed in metrics["run"]["seeds"]
        for epoch in range(1, epochs * (index + 1) + seed)
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "epoch", "train_log_loss", "val_log_loss"])


def tuning(trials=12, data="da7a"):
    """Searches over one, two and three values, as `make tune` leaves them."""
    generator = np.random.default_rng(1)
    varied = {
        "l2": ["l2"],
        "dropout": ["dropout"],
        "l2_dropout": ["l2", "dropout"],
        "cocktail": ["l1", "l2", "dropout"],
    }
    rows = []
    for search, fields in varied.items():
        losses = generator.normal(0.6, 0.05, trials)
        for trial in range(trials):
            values = {"l1": 10 ** generator.uniform(-6, -3), "l2": 10 ** generator.uniform(-5, -2)}
            values["dropout"] = generator.uniform(0.1, 0.8)
            told = {"trial": trial, "seeds": 2, "epochs": 60, "val_log_loss": losses[trial], "val_log_loss_std": 0.002}
            state = {"state": "COMPLETE", "data": data, "chosen": trial == losses.argmin()}
            rows.append({"search": search, **{field: values[field] for field in fields}, **told, **state})
    return pd.DataFrame(rows)


class Page(HTMLParser):
    """Collects what a page shows and loads, and whether its tags are balanced."""

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
        self.text += data
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data
        if "figcaption" in self.open:
            self.captions[-1] += data


def page(folder):
    return Page((folder / "report.html").read_text())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    metrics, folder = invented(3, MANY, REFERENCES), tmp_path_factory.mktemp("results")
    write(metrics, curves(metrics), folder, tuning(), "c0ffee with uncommitted changes")
    return metrics, folder


def test_the_page_is_whole_and_needs_no_network(written):
    metrics, folder = written
    found = page(folder)
    assert all(part in found.text for part in metrics["verdict"]["sentence"].split("; "))
    assert all(sentence in found.text for sentence in metrics["verdict"]["details"])
    assert not [address for address in found.addresses if not address.startswith("#")]
    assert not re.search(r"@import|<script|<link|<img", (folder / "report.html").read_text())


def test_links_lead_somewhere_and_no_id_is_twice(written):
    found = page(written[1])
    assert len(found.ids) == len(set(found.ids))
    assert {address.removeprefix("#") for address in found.addresses} <= set(found.ids)
    for section in ("ranking", "curves", "gaps", "capacity", "strengths", "weights", "calibration", "run", "reproduce"):
        assert f"#{section}" in found.addresses


def test_every_figure_has_a_caption_and_every_drawing_says_what_it_shows(written):
    metrics, folder = written
    found = page(folder)
    assert len(found.captions) == 7
    assert all(len(caption) > 60 for caption in found.captions)
    assert all(drawing["role"] == "img" for drawing in found.drawings)
    said = [drawing["aria-label"] for drawing in found.drawings]
    for name, variant in metrics["variants"].items():
        panels = [text for text in said if text.startswith(f"{name}: ")]
        searched = name in ("l2", "l2_dropout")
        assert len(panels) == searched + (1 if "ensemble_of" in variant else 3), name  # curves, weights, calibration


def test_colours_follow_the_screen(written):
    text = (written[1] / "report.html").read_text()
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    classes = dict(re.findall(r"^\.(s\d+) \{(.*)\}$", text, re.MULTILINE))
    assert "var(--blue)" in " ".join(classes.values())
    for drawing in drawings:
        assert "style=" not in drawing
        assert all(name in classes for name in re.findall(r'class="(\w+)"', drawing))
    assert not re.search("#(ffffff|000000|1b1f24|0072b2)", " ".join(classes.values()))


def test_tables_state_the_numbers_in_the_order_of_the_ranking(written):
    metrics, folder = written
    cells = page(folder).cells
    assert [cell for cell in cells if cell in MANY][: len(MANY)] == MANY
    markdown = (folder / "report.md").read_text()
    for found in (*metrics["variants"].values(), *metrics["references"].values()):
        loss = found["test_log_loss"]
        expected = f"{loss['mean']:.4f} ({loss['ci_low']:.4f} to {loss['ci_high']:.4f})"
        assert expected in cells
        assert expected in markdown
        assert f"{found['test_auc']['mean']:.4f}" in cells
    assert "0.0123" in cells
    assert ranking_markdown(metrics) in markdown


def test_what_is_no_network_ends_the_ranking_without_a_rank(written):
    rows = ranking(written[0])
    references = written[0]["references"]
    assert [row[1] for row in rows[-3:]] == sorted(
        references, key=lambda name: references[name]["test_log_loss"]["mean"]
    )
    assert {row[0] for row in rows[-3:]} == {"–"}
    assert {row[-1] for row in rows[-3:]} == {"not ranked"}
    assert [row[0] for row in rows[:-3]] == [str(rank) for rank in range(1, len(MANY) + 1)]


def test_an_ensemble_has_no_numbers_of_training(written):
    metrics, folder = written
    row = next(row for row in ranking(metrics) if row[1] == "ensemble")
    assert row.count("–") == 2  # gap and best epoch
    assert "what ensemble is" in page(folder).cells


def test_figures_lie_beside_the_report(written):
    _, folder = written
    files = {path.name for path in (folder / "figures").iterdir()}
    names = ("forest", "curves", "gaps", "capacity", "strengths", "weights", "calibration")
    assert files == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}
    linked = re.findall(r"\]\((figures/[^)]+)\)", (folder / "report.md").read_text())
    assert len(linked) == len(names)
    assert all(text.strip() for text in re.findall(r"!\[([^\]]*)\]", (folder / "report.md").read_text()))
    assert all((folder / path).is_file() for path in linked)


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    metrics = invented(2, ["l2", "large"], REFERENCES)
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
    assert [cell for cell in found.cells if cell in names][: len(names)] == names
    assert not (tmp_path / "figures" / "strengths.svg").exists()


def test_results_without_weights_references_and_details_are_drawn_too(tmp_path):
    metrics = invented(2, ["l2", "large"])
    for key in ("references", "champion", "weight_bins", "gap_size"):
        del metrics[key]
    for variant in metrics["variants"].values():
        for key in ("weights", "calibration", "description", "gap_epoch", "train_rows"):
            del variant[key]
    del metrics["verdict"]["details"]
    write(metrics, curves(metrics), tmp_path)
    assert len(page(tmp_path).captions) == 3


def test_searches_on_other_data_are_not_shown(tmp_path):
    metrics = invented(2, ["l2", "large"])
    write(metrics, curves(metrics), tmp_path, tuning(data="other"))
    assert not (tmp_path / "figures" / "strengths.svg").exists()
    assert "#strengths" not in page(tmp_path).addresses


def test_names_are_escaped(tmp_path):
    metrics = copy.deepcopy(invented(2, ["l2", "large"]))
    metrics["verdict"]["sentence"] = "<script>alert(1)</script>"
    write(metrics, curves(metrics), tmp_path)
    assert "<script" not in (tmp_path / "report.html").read_text()


def test_a_name_that_is_markup_stays_a_name(tmp_path):
    name = '"><script>alert(1)</script>| style="x" $y$'
    metrics = invented(2, [name, "large"])
    write(metrics, curves(metrics), tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert "<script" not in text
    assert name in Page(text).cells
    assert name.replace("|", "\\|") in ranking_markdown(metrics)


def test_without_large_nothing_is_compared_with_it(tmp_path):
    metrics = invented(2, ["l2", "tiny"], REFERENCES)
    metrics["verdict"]["details"] = []
    write(metrics, curves(metrics), tmp_path, tuning())
    for name in ("report.html", "report.md"):
        text = Page((tmp_path / name).read_text()).text
        assert not re.search(r"\blarge\b", text.replace("as large as", "")), name
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(ranking_table(metrics))
    assert "large" not in console.export_text()


def test_all_other_numbers_are_there(written):
    metrics, folder = written
    cells = page(folder).cells
    for found in metrics["variants"].values():
        assert f"{found['parameters']:,}" in cells
        keys = ("test_brier", "test_calibration_error", "weight_norm", "seconds")
        assert all(f"{found[key]['mean']:#.4g}" in cells for key in keys if key in found)
        assert all(f"{found[key]['mean']:.2%}" in cells for key in ("near_zero_share", "zero_share") if key in found)
    assert "never" in cells
    assert "gap > 0.05 from epoch" in cells


def test_how_it_was_run_is_stated(written):
    text = page(written[1]).text
    for value in (
        "abc123",
        "who & when",
        "training 10,000, validation 5,000, test 25,000, spare 20,000",
        "standard, 3 features",
        "0, 1, 2",
        "keras 3",
        "f00",
        "runs/l2_dropout/0/model.keras",
        "c0ffee with uncommitted changes",
        "git checkout c0ffee\n",
        "make repro",
    ):
        assert value in text, value
    assert "c0ffee" not in (written[1] / "report.md").read_text()  # which is committed itself


def test_the_title_states_the_answer(written):
    _, folder = written
    assert "<title>What prevents overfitting? l2_dropout</title>" in (folder / "report.html").read_text()
    one, two, many = invented(1), invented(), invented(2, [f"v{index}" for index in range(5)])
    two["verdict"]["best"] = ["l2", "large"]
    many["verdict"]["best"] = [f"v{index}" for index in range(5)]
    assert headline(one) == "l2_dropout, on one seed"
    assert headline(two) == "nothing, measurably"
    assert headline(many) == "v0, v1 and 3 more"


def test_a_long_training_keeps_the_page_small(tmp_path):
    metrics = invented(3, ["large", "l2"])
    table = curves(metrics, epochs=4000)
    table["val_log_loss"] += np.random.default_rng(0).normal(0, 0.01, len(table))
    write(metrics, table, tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 150_000


def test_many_variants_keep_the_page_small(written):
    assert (written[1] / "report.html").stat().st_size < 800_000


@pytest.mark.parametrize("width", [80, TERMINAL_WIDTH])
def test_the_terminal_shows_the_ranking_whole(width):
    metrics = invented(3, MANY, REFERENCES)
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(ranking_table(metrics, width))
    text = console.export_text()
    assert ("difference to large" in text) == (width == TERMINAL_WIDTH)
    assert "…" not in text
    for row in ranking(metrics):
        assert row[1] in text
        assert row[2] in text


def test_arithmetic_that_is_not_float32_is_noted_with_the_table(tmp_path):
    metrics = invented(2, ["l2", "large"])
    metrics["run"]["arithmetic"] = "mixed_bfloat16 with XLA"
    write(metrics, curves(metrics), tmp_path)
    assert "*arithmetic*: mixed_bfloat16 with XLA, not float32 alone" in (tmp_path / "report.md").read_text()


def test_the_stage_states_the_commit_and_whether_the_code_was_changed(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, cwd=tmp_path)

    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit() is None
    git("init")
    (tmp_path / "results").mkdir()
    for name in ("results/metrics.json", "params.yaml"):
        (tmp_path / name).write_text("1")
    git("add", ".")
    git("commit", "-m", "x")
    head = commit()
    assert re.fullmatch("[0-9a-f]{40}", head)
    (tmp_path / "results/metrics.json").write_text("2")  # which the pipeline itself writes
    assert commit() == head
    (tmp_path / "params.yaml").write_text("2")
    assert commit() == f"{head} with uncommitted changes"
    monkeypatch.setenv("PATH", "")
    assert commit() is None
