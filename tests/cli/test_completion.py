"""Completion, typed into a real bash."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.builders.terminal import Terminal

pytestmark = pytest.mark.slow
SETUP = (
    "PS1=; for setting in 'enable-bracketed-paste off' 'show-all-if-ambiguous on' 'page-completions off'; do "
    'bind "set $setting"; done; '
    'overfitting() { "$PYTHON" -m overfitting "$@"; }; eval "$(overfitting completion)"; echo rea""dy\n'
)


@pytest.fixture
def bash(project: Path):
    assert shutil.which("bash")
    environment = {**os.environ, "PYTHON": sys.executable}
    with Terminal(["bash", "--norc", "--noprofile", "-i"], project, environment, columns=200) as terminal:
        terminal.type(SETUP)
        terminal.wait_for("ready\n", 60)
        yield terminal


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("overfitting prep\t", "overfitting preprocess "),
        ("overfitting train vari\t", r"variant\.\s+variant=\s+variants\."),
        ("overfitting train variant=l\t", r"l1\s+l1_l2\s+l2\s+l2_dropout\s+label_smoothing\s+large\s+last_epoch"),
        ("overfitting train variant=tuned/l2_\t", "variant=tuned/l2_dropout "),
        ("overfitting train variant=l2 training=smo\t", "variant=l2 training=smoke "),
        ("overfitting train variant=l2 variant.dro\t", "variant=l2 variant.dropout="),
        ("overfitting train variant=l2 training.sch\t", r"training\.schedule\."),
        ("overfitting download data=hi\t", "data=higgs "),
    ],
)
def test_what_is_typed_is_completed(bash, typed, shown):
    before = len(bash.text)
    bash.type(typed)
    assert bash.wait_for(shown, 30, before)


def test_the_word_breaks_of_other_programs_stay(bash):
    before = len(bash.text)
    bash.type('overfitting train seed=\t\x15echo "<$COMP_WORDBREAKS>"\n')
    assert "=" in bash.wait_for(r"<[^<]*>\n", 30, before)
