"""Trainings drawn: bars on a terminal, plain lines elsewhere."""

import io
import os
import re

import pytest
from rich.console import Console

from overfitting.base import progress_bar
from overfitting.progress import display
from overfitting.progress.run_progress import RunProgress


def run(seed: int, epoch: int, variant: str = "l2", may_stop: bool = False, over: bool = False) -> RunProgress:
    found = RunProgress(variant, seed, 100, may_stop, is_over=over)
    for n in range(1, epoch + 1):
        found.add([{"epoch": n, "val_log_loss": 0.5432 + seed / 100}], now=0.5 * n)
    return found


def on_terminal(*steps: list[RunProgress] | str, width: int = 100) -> str:
    """What bars send to a terminal, less its control codes, after the last step that draws."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, color_system=None, markup=False, highlight=False)
    with display.on(console) as shown:
        for step in steps:
            screen.truncate(screen.seek(0))
            if isinstance(step, str):
                shown.say(step)
            else:
                shown.show(step)  # a new bar is drawn at once, before the others
                screen.truncate(screen.seek(0))
                shown.show(step)
        return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", screen.getvalue()).replace("\r", "")


def test_a_bar_for_each_seed_that_trains_under_one_for_all():
    lines = on_terminal([run(0, 34), run(1, 50), run(2, 100, over=True), RunProgress("l2", 3, 100)])
    found = [" ".join(re.sub("[━╸╺]+", "|", line).split()) for line in lines.splitlines()]
    assert found == [
        "l2 | 1 of 4 done 0:54 left",
        "l2 · seed 0 | epoch 34/100 best 0.5432 0:33 left",
        "l2 · seed 1 | epoch 50/100 best 0.5532 0:25 left",
    ]


def test_one_seed_has_one_bar_and_is_starting_at_first():
    [line] = on_terminal([RunProgress("l2", 3, 100)]).splitlines()
    assert re.fullmatch(r"l2 · seed 3 \s+ starting *", line)
    [line] = on_terminal([run(3, 100)]).splitlines()
    assert "epoch 100/100" in line


def test_several_variants_at_once():
    lines = on_terminal([run(0, 34), run(0, 10, "dropout")]).splitlines()
    assert [line.split(" ━")[0].strip() for line in lines] == ["2 variants", "l2 · seed 0", "dropout · seed 0"]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_bars_fit_on_the_terminal(width):
    lines = on_terminal([run(0, 34, "l2_dropout"), run(1, 3, "l2_dropout")], width=width).splitlines()
    assert len(lines) == 3
    assert all(len(line) <= width for line in lines)
    assert all("epoch" in line for line in lines[1:])


def test_lines_that_stay_go_above_the_bars():
    drawn = on_terminal([run(0, 34)], "l2 seed 1: [done]")
    assert re.search(r"l2 seed 1: \[done\]\s*\n.*seed 0", drawn)


def test_plain_lines_are_occasional(monkeypatch):
    now = 0.0
    monkeypatch.setattr(progress_bar.time, "monotonic", lambda: now)
    file = io.StringIO()
    with display.on(Console(file=file, force_terminal=False, width=40, markup=False, highlight=False)) as shown:
        shown.say("l2 seed 2: unchanged, kept, and this line is longer than forty characters")
        for second in range(61):
            now = float(second)
            shown.show([run(0, second // 2), run(1, max(second // 2 - 3, 0)), RunProgress("l2", 2, 100)])
    assert file.getvalue().splitlines() == [
        "l2 seed 2: unchanged, kept, and this line is longer than forty characters",
        "l2: seed 0 epoch 15/100, best 0.5432; seed 1 epoch 12/100, best 0.5532; about 1:08 left",
        "l2: seed 0 epoch 30/100, best 0.5432; seed 1 epoch 27/100, best 0.5532; about 1:01 left",
    ]


def test_time_is_a_bound_where_a_training_may_stop():
    line = display.describe([run(0, 40, may_stop=True), run(0, 40, "large")])
    assert line == "l2: seed 0 epoch 40/100, best 0.5432; large: seed 0 epoch 40/100, best 0.5432; at most 0:30 left"


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0:00"), (40, "0:40"), (725, "12:05"), (3723, "1:02:03")])
def test_clock(seconds, text):
    assert display.clock(seconds) == text


def test_standard_error_is_reached_while_it_is_held_back(capfd, tmp_path):
    with display.on_stderr() as shown:
        saved = os.dup(2)
        with (tmp_path / "held").open("w") as held:
            os.dup2(held.fileno(), 2)
            shown.say("l2 seed 1: unchanged, kept")
            os.dup2(saved, 2)
        os.close(saved)
    assert capfd.readouterr().err == "l2 seed 1: unchanged, kept\n"
    assert (tmp_path / "held").read_text() == ""
