"""Output on a terminal: progress, Ctrl-C, the ranking."""

import os
import time
from pathlib import Path

import psutil
import pytest
import yaml

from tests.builders.terminal import INTERRUPT, Terminal
from tests.pipeline.conftest import VARIANTS, Project

pytestmark = pytest.mark.slow


@pytest.fixture
def project(reproduced_once, tmp_path):
    return reproduced_once.copy(tmp_path / "project")


def running(project: Project) -> list[list[str]]:
    """Command lines of the processes that run in the project's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()) == project.root and process.pid != os.getpid():
                found.append(process.cmdline())
        except psutil.Error:
            pass
    return found


@pytest.mark.parametrize("command", [["dvc", "repro", "train@large"], ["python", "-m", "overfitting", "train-all"]])
def test_ctrl_c_ends_every_process_with_one_line_and_the_next_run_resumes(project, command):
    smoke = "conf/training/smoke.yaml"
    epochs = yaml.safe_load((project.root / smoke).read_text())["epochs"]
    project.edit(smoke, "epochs", 3000)
    name = "train-all" if "train-all" in command else "train"
    with Terminal(command, project.root, project.environment) as terminal:
        terminal.wait_for(r"large · seed [01] .* epoch +\d+/3000 best 0\.\d{4} [\d:]+ left")
        terminal.type(INTERRUPT)
        assert terminal.exit_status() != 0
        assert f"overfitting {name}: interrupted; finished work is kept, the same command resumes" in terminal.text
        assert "Traceback" not in terminal.text
    for _ in range(50):  # workers end shortly after
        if not running(project):
            break
        time.sleep(0.1)
    assert running(project) == []
    project.edit(smoke, "epochs", epochs + 1)
    with Terminal(command, project.root, project.environment) as terminal:
        assert terminal.exit_status() == 0
        for seed in (0, 1):
            assert f"large seed {seed}: validation log loss" in terminal.text


def test_the_ranking_fits_a_narrow_terminal(project):
    command = ["python", "-m", "overfitting", "report"]
    environment = {key: value for key, value in project.environment.items() if key != "COLUMNS"}
    with Terminal(command, project.root, environment, columns=80) as terminal:
        assert terminal.exit_status() == 0
    lines = terminal.text.splitlines()
    assert max(map(len, lines)) <= 80
    rows = {line.split()[0]: line for line in lines if line.strip()}
    assert {"variant", *VARIANTS, "gradient_boosting"} <= set(rows)
    assert "test log loss" in rows["variant"]
    assert "early difference" in rows["variant"]
    assert lines[-1] == "The page: results/report.html"


def test_an_edited_figure_is_drawn_again(project):
    figure = project.root / "results/figures/forest.svg"
    drawn = figure.read_bytes()
    figure.write_text("edited by hand")
    assert project.ran(project.run("dvc", "repro")) == {"report"}
    assert figure.read_bytes() == drawn


def test_make_prints_the_verdict_even_if_nothing_had_to_run(project):
    output = project.run("make", "-j", "2", "--assume-old=.venv/main", "repro")
    assert project.ran(output) == set()
    verdict, page = output.splitlines()[-2:]
    found = project.metrics()["verdict"]
    assert verdict.startswith(f"{found['prevents']} {found['predicts']} With ")  # and what data is worth
    assert page == "The page: results/report.html"
