"""`make demo` leaves the project as it is, and ends with a verdict and its page."""

import pytest

from overfitting.cli import demo
from overfitting.evaluation.results import Metrics

TINY = {
    "split": {"train": 200, "validation": 100, "test": 500, "search": 0},
    "training": {"epochs": 3, "batch_size": 100},
    "seeds": [0, 1],
    "variants": ["large", "tiny"],
}


@pytest.mark.slow
def test_the_demo_ends_with_a_page_in_a_folder_of_its_own(project, monkeypatch, capfd):
    monkeypatch.setattr(demo, "SETTINGS", {**demo.SETTINGS, **TINY})
    before = {path for path in project.rglob("*") if "__pycache__" not in path.parts}
    for _ in range(2):  # the second time everything is finished
        demo.run(project)
    metrics = Metrics.read(project / "demo/results/metrics.json")
    assert set(metrics.variants) == {"large", "tiny"}
    assert (metrics.data.train_rows, metrics.data.source) == (200, "bundled")
    printed = capfd.readouterr()
    assert metrics.verdict.predicts in " ".join(printed.out.split())
    assert "The page of this small comparison is demo/results/report.html" in printed.out
    assert "unchanged, kept" in printed.err
    assert (project / "demo/results/report.html").is_file()
    after = {path for path in project.rglob("*") if "__pycache__" not in path.parts}
    assert {path.relative_to(project).parts[0] for path in after - before} == {"demo"}
