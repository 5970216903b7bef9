"""Walks through MLflow's pages in headless Chromium: checks what each page shows and takes a screenshot.

    python -m tests.builders.browser

takes the screenshots of `docs/mlflow.md` and of the README from the comparison in the current folder.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from overfitting.base import files
from overfitting.evaluation.results import Metrics
from overfitting.tracking import champion, comparison
from overfitting.tracking.store import EXPERIMENT
from tests.builders.mlflow_server import free_port, wait_for

SIZE = {"width": 1500, "height": 950}  # pixels
PATIENCE = 60_000  # milliseconds until a page must be complete
SHOTS = ("runs", "comparison", "table", "curves", "champion")


def chromium() -> str:
    """Path of the browser."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise FileNotFoundError("no Chromium; on Debian: apt install chromium")


@contextmanager
def pages(project: Path) -> Iterator[str]:
    """Address of `make ui` in a project's folder, while the context lasts."""
    port = free_port()
    environment = {**os.environ, "PORT": str(port)}
    command = [sys.executable, "-m", "overfitting", "ui"]
    with subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(f"{address}/health", process)
            yield address
        finally:
            process.terminate()


def browse(address: str, metrics: Metrics, folder: Path) -> None:
    """Go from the list of runs to the verdict, the table, the curves and the champion."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = _page(browser)
        page.goto(f"{address}/#/experiments")
        experiment = page.get_by_role("link", name=EXPERIMENT, exact=True).first.get_attribute("href")
        page.goto(f"{address}/{experiment}/runs?workflowType=machine_learning")
        _without_assistant(page)
        link = page.get_by_role("link", name=comparison.name(metrics.run.fingerprint)).first
        expect(link).to_be_visible()
        _shot(page, folder, "runs")
        link.click()
        _read_comparison(page, metrics, folder)
        table = page.get_by_role("link", name="All variants and baselines").first.get_attribute("href")
        page.goto(f"{address}/{table}")  # a click opens it in another tab
        _read_table(page, metrics, folder)
        page.goto(f"{address}/{table}&compareRunsMode=CHART")  # what the button with the curve does
        _read_curves(page, metrics, folder)
        page.goto(f"{address}/#/models/{champion.NAME}")
        expect(page.get_by_text("@ champion").first).to_be_visible()
        _shot(page, folder, "champion")
        browser.close()


def _read_comparison(page: Page, metrics: Metrics, folder: Path) -> None:
    """The description shows the verdict and a figure."""
    expect(page.get_by_text(metrics.verdict.prevents).first).to_be_visible()
    page.get_by_text("Show more").first.click()
    figure = page.locator("img[src*='figures']").first
    expect(figure).to_be_attached()
    _shot(page, folder, "comparison")


def _read_table(page: Page, metrics: Metrics, folder: Path) -> None:
    """The table has one line per variant and baseline, best first, with its metrics."""
    results = comparison.results(metrics)
    for name in results:
        expect(page.get_by_role("link", name=name, exact=True).first).to_be_visible()
    shown = [link.inner_text().strip() for link in page.get_by_role("link").all()]
    losses = [results[name].log_loss.mean for name in shown if name in results]
    assert len(losses) == len(results)
    assert losses == sorted(losses)
    page.set_viewport_size({**SIZE, "width": 2 * SIZE["width"]})  # MLflow draws only the columns in view
    for column in comparison.COLUMNS:
        expect(page.get_by_text(column, exact=True).first).to_be_attached()
    page.set_viewport_size(SIZE)
    page.get_by_label("Hide banner").first.click()
    _shot(page, folder, "table")


def _read_curves(page: Page, metrics: Metrics, folder: Path) -> None:
    """Curves of all variants share one chart, because they have the same names."""
    for curve in ("train_log_loss", "val_log_loss"):
        chart = page.locator("[data-testid='experiment-view-compare-runs-card']").filter(has_text=curve).first
        expect(chart).to_be_attached()
    expect(page.locator(".js-plotly-plot, .plotly").first).to_be_visible()
    _shot(page, folder, "curves")


def _page(browser: Browser) -> Page:
    page = browser.new_page(viewport=SIZE)
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    return page


def _without_assistant(page: Page) -> None:
    """Close MLflow's chat, which opens on the first visit."""
    close = page.get_by_label("Close", exact=True).first
    close.wait_for()
    close.click()


def _shot(page: Page, folder: Path, name: str) -> None:
    page.wait_for_timeout(3000)  # pages are drawn in several steps
    page.screenshot(path=folder / f"{name}.png")


def show_page(report: Path, picture: Path) -> None:
    """Take the README's screenshot of the page: its learning curves, stopped at epoch 12."""
    with sync_playwright() as playwright:
        page = _page(playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"]))
        page.set_viewport_size({"width": 1280, "height": 760})
        page.goto(f"{report.resolve().as_uri()}#epoch=12")
        page.wait_for_timeout(3000)
        heading = page.locator("h2", has_text="Learning curves")
        heading.evaluate("heading => heading.scrollIntoView({behavior: 'instant'})")
        page.wait_for_timeout(1000)
        page.screenshot(path=picture)


if __name__ == "__main__":
    with pages(Path()) as opened:
        browse(opened, Metrics.read(files.METRICS), Path("docs/mlflow"))
    show_page(Path("results/report.html"), Path("docs/page.png"))
