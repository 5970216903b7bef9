"""The page in a browser: its controls, its address, other languages, accessibility."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from overfitting.evaluation import statistics
from overfitting.evaluation.results import Estimate
from overfitting.report.page import write, write_run
from tests.builders.browser import chromium
from tests.builders.metrics import BASELINES, MANY, curves, edited, invented, invented_curve, tuning

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tools/page"
LEVELS = {0.8: 0.004, 0.95: 0.012, 0.99: 0.05}  # half widths
ENGLISH = re.compile(r"(?:\b[a-z]{2,} ){4,}")  # a sentence or a long label


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    metrics, folder = invented(3, MANY, BASELINES), tmp_path_factory.mktemp("results")
    variants = {name: found.early.difference for name, found in metrics.variants.items()}
    baselines = {name: found.difference for name, found in metrics.baselines.items()}
    found = {name: each for name, each in {**variants, **baselines}.items() if each}
    levels = [
        {
            "confidence": confidence,
            "late": {},
            "early": {name: [each.mean - half, each.mean + half] for name, each in found.items()},
            "best": [MANY[0]] if confidence < 0.99 else MANY[:2],
        }
        for confidence, half in LEVELS.items()
    ]
    write(edited(metrics, levels=levels), curves(metrics), folder, tuning(), invented_curve())
    return folder


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])


@pytest.fixture
def opened(browser, folder):
    """Opens a page at an address; mistakes of its script fail the test."""
    pages, mistakes = [], []

    def open_page(name="report.html", address="", **context):
        pages.append(browser.new_page(**context))
        pages[-1].on("pageerror", lambda error: mistakes.append(error))
        pages[-1].goto(f"{(folder / name).as_uri()}{address}")
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()
    assert mistakes == []


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """The locked packages of tools/page."""
    assert shutil.which("npm"), "expected npm on PATH; on Debian: apt install npm"
    folder = tmp_path_factory.mktemp("page") / "page"
    shutil.copytree(TOOLS, folder, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True)
    return folder


def test_statuses_follow_margin_and_confidence_by_the_rules_of_the_statistics(opened):
    page = opened()
    rows = json.loads(page.inner_text("#data") or page.text_content("#data"))["levels"]
    for confidence in LEVELS:
        page.select_option("#confidence", f"{confidence:g}")
        for margin in (0.001, 0.02, 0.3):
            page.fill("#margin", str(margin))
            for name, (low, high) in rows[f"{confidence:g}"]["early"].items():
                middle = (low + high) / 2
                found = Estimate(mean=middle, ci_low=low, ci_high=high, std=0.0, seeds=(middle,) * 3)
                expected = statistics.status(found, margin)
                shown = page.locator(f'tr[data-name="{name}"] td[data-phase="early"]')
                assert shown.locator("b").text_content() == expected, (name, confidence, margin)
                assert f"({low:+.4f} to {high:+.4f})" in shown.text_content()
    best = page.locator("td[data-best]", has_text="best")
    assert best.count() == 2
    before = opened().inner_text("table.numbers >> nth=0")
    page.click("#reset")
    assert page.inner_text("table.numbers >> nth=0") == before


def test_the_slider_shows_the_losses_at_its_epoch(opened, folder):
    page = opened()
    numbers = json.loads(page.text_content("#data"))["curves"]["large"]
    page.fill("#epoch", "3")
    shown = page.locator("#stopped tr", has_text="large").locator("td").all_inner_texts()
    assert page.inner_text("#epoch-now") == "4"
    assert shown[:2] == [f"{numbers[kind][3]:.4f}" for kind in ("training", "validation")]
    assert len(page.locator("#curves-plot svg path").all()) >= 8


def test_the_address_keeps_the_choices(opened):
    page = opened()
    page.fill("#margin", "0.02")
    page.fill("#epoch", "3")
    page.locator("#curves-live input[value=tiny]").check()
    page.locator("#curves-live input[value=dropout]").uncheck()
    address = page.evaluate("location.hash")
    assert address.startswith("#margin=0.02&variants=")
    again = opened(address=address)
    assert again.input_value("#margin") == "0.02"
    assert again.inner_text("#epoch-now") == "4"
    assert again.locator("#calibration-live input[value=tiny]").is_checked()
    assert not again.locator("#curves-live input[value=dropout]").is_checked()
    again.click("nav a[href='#weights']")
    assert again.evaluate("location.hash").startswith("#weights&margin=0.02")


def test_the_pointer_reads_values(opened):
    page = opened()
    plot = page.locator("#curves-plot svg").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    for share in (0.2, 0.35, 0.5, 0.65, 0.8):
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + share * box["height"])
        if re.search(r"(training|validation) 0\.\d{4}", plot.text_content()):
            return
    pytest.fail("no value near the pointer")


def test_without_scripts_all_figures_are_there(opened):
    page = opened(java_script_enabled=False)
    assert page.locator("figure svg:visible").count() == page.locator("figure").count()
    assert not page.locator("#choices").is_visible()


def test_paper_shows_the_explored_figures_and_no_controls(opened):
    page = opened()
    page.emulate_media(media="print")
    assert page.locator("#curves-plot svg").is_visible()
    assert not page.locator("#choices, .live fieldset, #epoch").first.is_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_no_wider_than_the_screen(opened, width):
    page = opened(viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_chinese_page_has_no_english_sentences(opened):
    page = opened("report.zh.html")
    page.evaluate("document.querySelectorAll('pre, .how').forEach((part) => part.remove())")
    found = [text for text in page.inner_text("body").splitlines() if ENGLISH.search(text)]
    labels = page.evaluate("[...document.querySelectorAll('[aria-label]')].map((part) => part.ariaLabel)")
    assert found + [label for label in labels if ENGLISH.search(label)] == []
    assert page.get_attribute("html", "lang") == "zh-CN"
    page.click("a[lang=en]")
    assert page.url.endswith("/report.html")


@pytest.mark.parametrize("name", ["report.html", "report.zh.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(opened, modules, name, scheme):
    page = opened(name, color_scheme=scheme, viewport={"width": 1280 if scheme == "light" else 390, "height": 900})
    page.evaluate((modules / "node_modules/axe-core/axe.min.js").read_text())
    found = page.evaluate("axe.run()")["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []


def test_the_library_of_the_page_is_built_from_its_lock(modules):
    built = subprocess.run(["npm", "run", "--silent", "build"], cwd=modules, check=True, capture_output=True).stdout
    assert built == (ROOT / "src/overfitting/report/templates/plot.js").read_bytes()
    assert "://" not in (TOOLS / "package-lock.json").read_text()


def test_commit_and_durations_are_shown_if_they_are_beside_the_page(browser, folder, tmp_path):
    shutil.copy(folder / "report.html", tmp_path)
    page = browser.new_page()

    def shown():
        page.goto((tmp_path / "report.html").as_uri())
        return page.inner_text(".how"), page.inner_text("pre")

    how, commands = shown()
    assert "commit" not in how
    assert "git checkout" not in commands
    write_run(tmp_path, {"l2": [1.0, 2.0], "tiny": [0.25]}, "c0ffee with uncommitted changes")
    how, commands = shown()
    assert "c0ffee with uncommitted changes" in how
    assert "l2 1.5, tiny 0.25" in how
    assert commands.endswith("git checkout c0ffee\nmake repro")
    write_run(tmp_path, {}, None)
    how, commands = shown()
    assert "seconds per seed" not in how
    assert commands.endswith("overfitting\nmake repro")
