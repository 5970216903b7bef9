"""Studies: what is tried, and how they survive kills at any point."""

from contextlib import suppress

import numpy as np
import pytest
from optuna.storages.journal import JournalFileBackend

from overfitting.base.errors import UserError
from overfitting.search.space import Choices, Range, rounded
from overfitting.search.study import Study

LINE = {"l2": Range(low=1e-5, high=1e-2, log=True)}
PLANE = {**LINE, "dropout": Range(low=0.0, high=0.8), "symmetry": Choices(choices=(True, False))}
SPACES = pytest.mark.parametrize("space", [LINE, PLANE], ids=["line", "plane"])


def loss(values):
    return (np.log10(values["l2"]) + 3) ** 2 + values.get("dropout", 0.0)


def answers(study, kill_after=None):
    """Answer all trials, or die, as it were, after some."""
    told = 0

    def evaluate(batch):
        nonlocal told
        for index, values in enumerate(batch):
            if told == kill_after:
                raise KeyboardInterrupt
            told += 1
            yield index, [loss(values)]

    return list(study.run(evaluate))


def outcome(trials):
    return sorted((trial.number, trial.params, trial.value) for trial in trials)


def test_a_line_is_walked_and_its_best_point_found(tmp_path):
    study = Study(tmp_path / "journal", "line", LINE, 7)
    found = answers(study)
    assert [trial.params["l2"] for trial in found] == LINE["l2"].evenly(7)
    assert rounded(study.best().params) == {"l2": pytest.approx(1e-3)}


def test_a_line_is_one_batch_and_a_plane_several(tmp_path):
    assert len(Study(tmp_path / "line", "s", LINE, 10).next_batch()) == 10
    assert len(Study(tmp_path / "plane", "s", PLANE, 10).next_batch()) == 4


@SPACES
@pytest.mark.parametrize("kill_after", [0, 1, 4, 6])
def test_a_killed_search_goes_on_to_the_same_trials_and_repeats_none(tmp_path, space, kill_after):
    whole = answers(Study(tmp_path / "whole", "s", space, 10))
    with pytest.raises(KeyboardInterrupt):
        answers(Study(tmp_path / "killed", "s", space, 10), kill_after)
    rest = answers(Study(tmp_path / "killed", "s", space, 10))
    assert len(rest) == 10 - kill_after
    assert outcome(Study(tmp_path / "killed", "s", space, 10).trials()) == outcome(whole)
    assert answers(Study(tmp_path / "killed", "s", space, 10)) == []


@SPACES
def test_a_kill_at_any_line_of_the_storage_changes_no_trial(tmp_path, monkeypatch, space):
    whole = outcome(answers(Study(tmp_path / "whole", "s", space, 6)))
    append, lines = JournalFileBackend.append_logs, (tmp_path / "whole").read_text().count("\n")
    for allowed in range(lines):
        written = 0

        def dies(backend, logs, allowed=allowed):
            nonlocal written
            if written == allowed:
                raise KeyboardInterrupt
            written += 1
            append(backend, logs)

        path = tmp_path / f"killed-{allowed}"
        with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
            patch.setattr(JournalFileBackend, "append_logs", dies)
            answers(Study(path, "s", space, 6))
            pytest.fail("did not die")
        answers(Study(path, "s", space, 6))
        assert outcome(Study(path, "s", space, 6).trials()) == whole


def test_a_line_that_was_cut_off_is_forgotten(tmp_path):
    path = tmp_path / "journal"
    whole = outcome(answers(Study(path, "s", PLANE, 6)))
    path.write_bytes(path.read_bytes()[:-20])
    assert len(answers(Study(path, "s", PLANE, 6))) == 1
    assert outcome(Study(path, "s", PLANE, 6).trials()) == whole


def test_what_a_killed_holder_of_the_lock_left_is_in_nobodys_way(tmp_path):
    path = tmp_path / "journal"
    (tmp_path / "journal.lock").touch()
    assert len(answers(Study(path, "s", LINE, 3))) == 3


def test_a_search_of_several_values_goes_where_it_is_better(tmp_path):
    trials = sorted(answers(Study(tmp_path / "journal", "s", PLANE, 40)), key=lambda trial: trial.number)
    assert np.mean([trial.value for trial in trials[20:]]) < np.mean([trial.value for trial in trials[:8]])
    assert len({tuple(trial.params.values()) for trial in trials}) == 40


def test_another_name_is_another_study(tmp_path):
    answers(Study(tmp_path / "journal", "one", LINE, 4))
    assert Study(tmp_path / "journal", "two", LINE, 4).trials() == []


def test_a_trial_is_judged_by_the_mean_of_its_seeds(tmp_path):
    study = Study(tmp_path / "journal", "s", LINE, 3)
    list(study.run(lambda batch: ((index, [index, index + 1.0]) for index in range(len(batch)))))
    assert [trial.value for trial in study.trials()] == [0.5, 1.5, 2.5]


def test_a_trial_that_fails_counts_and_is_not_the_best(tmp_path):
    study = Study(tmp_path / "journal", "s", LINE, 4)
    failing = {0: [float("nan"), 0.1], 1: [float("inf"), 0.1]}
    list(study.run(lambda batch: ((i, failing.get(i, [i, i])) for i in range(len(batch)))))
    assert [trial.value for trial in study.trials()] == [None, None, 2, 3]
    assert study.best().number == 2
    nothing = Study(tmp_path / "journal", "t", LINE, 4)
    list(nothing.run(lambda batch: ((i, [float("nan")]) for i in range(len(batch)))))
    with pytest.raises(UserError, match="every trial diverged"):
        nothing.best()
