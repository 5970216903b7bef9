import io

import pytest
from rich.console import Console

from overfitting.base import progress_bar
from overfitting.base.progress_bar import track


def test_plain_lines_outside_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress_bar, "LINE_SECONDS", 0.0)
    with track(2000, "Reading", "rows") as bar:
        bar.advance(500)
        bar.advance(1500)
    with track(4_000_000, "Reading", "bytes") as bar:
        bar.advance(3_000_000)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Reading: 500 rows of 2,000 rows (25%), ")
    assert lines[1].startswith("Reading: 2,000 rows of 2,000 rows (100%), ")
    assert lines[2].startswith("Reading: 3.0 MB of 4.0 MB (75%), ")


def test_lines_are_occasional(capsys: pytest.CaptureFixture[str]) -> None:
    with track(10, "Reading", "rows", done=4) as bar:
        for _ in range(6):
            bar.advance(1)
    assert bar.done == 10
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("unit", "shown"), [("bytes", "1.5/2.0 kB"), ("rows", "1,500/2,000 rows")])
def test_bar_on_a_terminal(unit: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(
        progress_bar, "Console", lambda stderr: Console(file=screen, force_terminal=True, width=120, color_system=None)
    )
    with track(2000, "Reading", unit, done=500) as bar:
        bar.advance(1000)
    assert "Reading" in screen.getvalue()
    assert shown in screen.getvalue()
