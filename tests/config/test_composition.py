"""The composed configuration: what is chosen, what is refused and how."""

from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides

from overfitting.base.errors import UserError
from overfitting.cli import experiment
from overfitting.config.composition import combinations, compose_config, compose_variants, section
from overfitting.config.reading import names_in
from overfitting.config.schema import Variant

NOTE = {"tiny", "small", "medium", "large", "l2", "dropout", "l2_dropout"}
TUNED = {"tuned/l1": "l1", "tuned/l1_proximal": "l1_proximal", "tuned/l2": "l2", "tuned/dropout": "dropout"}


def replace(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new))


def test_the_note_variants_are_what_the_note_says(project):
    found = {name: config.variant for name, config in compose_variants().items()}
    assert set(found) >= NOTE
    large = (512,) * 4
    assert found["tiny"] == Variant(hidden_units=(16,))
    assert found["small"] == Variant(hidden_units=(16, 16))
    assert found["medium"] == Variant(hidden_units=(64, 64, 64))
    assert found["large"] == Variant(hidden_units=large)
    assert found["l2"] == Variant(hidden_units=large, l2=0.001)
    assert found["dropout"] == Variant(hidden_units=large, dropout=0.5)
    assert found["l2_dropout"] == Variant(hidden_units=large, l2=0.0001, dropout=0.5)


def test_tuned_variants_are_large_with_a_strength(project):
    found = {name: config.variant for name, config in compose_variants().items()}
    for name, field in TUNED.items():
        assert found[name] == Variant(**{field: found[name].strength(field)}) != Variant()


def test_tutorial_preset_is_the_tutorials_protocol(project):
    training = compose_config(["training=tutorial"]).training
    assert (training.epochs, training.batch_size, training.patience) == (10000, 500, 200)
    assert training.schedule.name == "inverse_time"
    assert (training.schedule.learning_rate, training.schedule.decay_epochs) == (0.001, 1000)


def test_params_are_merged_last_and_the_command_line_wins(project):
    with Path("params.yaml").open("a") as file:
        file.write("\ntraining:\n  batch_size: 250\n")
    assert compose_config().training.batch_size == 250
    assert compose_config(["training.batch_size=125"]).training.batch_size == 125


def test_choices_in_params_choose_files(project):
    replace("params.yaml", "training: default", "training: smoke")
    assert compose_config().training == compose_config(["training=smoke"]).training


def test_zero_is_a_valid_seed(project):
    assert compose_config(["seeds=[0]", "seed=0"]).seed == 0


@pytest.mark.parametrize("name", ["first_look", "tutorial", "twelve_seeds"])
def test_an_experiment_is_the_same_for_hydra_and_in_params(project, name):
    """`train +experiment=...` and `dvc exp run`, which edits params.yaml, have one configuration."""
    by_hydra = compose_variants([f"+experiment={name}"])
    assert by_hydra != compose_variants()
    apply_overrides("params.yaml", experiment.settings(name))
    assert compose_variants() == by_hydra


def test_these_are_all_experiments(project):
    assert names_in("experiment") == ["first_look", "tutorial", "twelve_seeds"]


def test_the_tutorials_experiment_has_its_rows_networks_and_protocol(project):
    found = compose_variants(["+experiment=tutorial"])
    assert set(found) == NOTE
    split = found["large"].split
    assert (split.train, split.validation, split.resample) == (10_000, 1000, False)
    assert found["large"].training == compose_config(["training=tutorial"]).training
    assert compose_config(["+experiment=tutorial", "training=smoke"]).training.epochs == 2  # the line wins


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# @package _global_\nsedes: [0]\n", "sedes"),
        ("# @package _global_\nseeds: [-1]\n", r"seeds\.0: got -1"),
        ("seeds: [0]\n", "expected `# @package _global_` in its first line, got `# @package experiment`"),
        ("# @package _global_\nchoices: {training: fast}\n", "training: got 'fast', expected one of default"),
        ("# @package _global_\nhydra: {run: {dir: x}}\n", "x.yaml: `hydra` belongs in conf/config.yaml"),
    ],
)
def test_a_mistake_in_an_experiment_is_a_clear_error(project, content, message):
    Path("conf/experiment/x.yaml").write_text(content)
    with pytest.raises(UserError, match=message):
        compose_config(["+experiment=x"])


def test_sweeps_are_combinations_in_hydras_grammar(project):
    assert combinations([]) == [[]]
    assert combinations(["variant.l2=0.1,0.2", "seed=range(0,2)"]) == [
        [f"variant.l2={value}", f"seed={seed}"] for value in (0.1, 0.2) for seed in (0, 1)
    ]
    assert ["variant=l1_proximal"] in combinations(["variant=glob(l1*)"])
    with pytest.raises(UserError, match="configuration"):
        combinations(["variant=[1"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+training.momentum=0.9", r"training\.momentum: unknown key"),
        ("training.epochs=ten", r"training\.epochs: got 'ten'; input should be a valid integer"),
        ("training.epochs=0", r"training\.epochs: got 0; input should be greater than 0"),
        ("training.epochs=true", r"training\.epochs: got True; input should be a valid integer"),
        ("variant.dropout=1.0", r"variant\.dropout: got 1\.0; input should be less than or equal to 0.9999"),
        ("variant.dropout=-0.1", r"variant\.dropout: got -0\.1; input should be greater than or equal to 0"),
        ("variant.l2=-0.001", r"variant\.l2: got -0\.001"),
        ("variant.l2=nan", r"variant\.l2: got nan; input should be a finite number"),
        ("variant.activation=step", r"variant\.activation: got 'step'; input should be 'elu', "),
        ("variant.hidden_units=[]", r"variant\.hidden_units: got \[\]"),
        ("variants=[large,l3]", r"variants: got 'l3', expected one of .*l2_dropout, .*large.*tiny"),
        ("variants=[ensemble,tiny]", r"ensemble: variant\.ensemble_of: got 'large', expected .*trained: tiny"),
        ("variants=[large,large]", r"variants: got .*, expected each value once"),
        ("seeds=[1,1]", r"seeds: got \[1, 1\], expected each value once"),
        ("seeds=3", r"seeds: got 3; expected a list, in brackets: `seeds: \[0, 1, 2\]` in a file, 'seeds=\[0,1,2\]'"),
        ("variants=large", r"variants: got 'large'; expected a list, in brackets: `variants: \[large\]`"),
        ("seeds=[-1]", r"seeds\.0: got -1"),
        ("+repeats.l3=2", r"repeats: got 'l3', expected one of .*l2_dropout, .*large.*tiny"),
        ("repeats.large=0", r"repeats\.large: got 0; input should be greater than 0"),
        ("repeats.large=1", r"ensemble averages the networks of large: .*`repeats: \{large: 3\}`"),
        ("evaluation.margin=0", r"evaluation\.margin: got 0"),
        ("training.batch_size=99999", r"training\.batch_size: got 99999, expected at most .*10000"),
        ("training.schedule.name=linear", r"training\.schedule: .*'cosine', 'inverse_time'"),
        ("data=kaggle", r"data: got 'kaggle', expected one of bundled, csv, higgs, simulated"),
        ("data=csv", r"(?s)Missing mandatory value.*data\.path"),
        ("trianing.epochs=3", r"Key 'trianing' is not in struct"),
    ],
)
def test_a_mistake_is_answered_by_key_value_and_what_is_allowed(project, override, message):
    with pytest.raises(UserError, match=message) as error:
        compose_variants([override])
    assert "Config search path" not in str(error.value)


def test_a_mistake_in_any_variants_file_is_found_at_once(project):
    replace("conf/variant/l2_dropout.yaml", "dropout: 0.5", "dropout: 5")
    with pytest.raises(UserError, match=r"variant\.dropout: got 5"):
        compose_variants()


def test_yaml_that_does_not_parse_is_a_clear_error(project):
    Path("conf/training/default.yaml").write_text("epochs: [3\n")
    with pytest.raises(UserError, match=r"conf/training/default\.yaml: while parsing"):
        compose_config()


def test_a_missing_choice_is_named(project):
    replace("params.yaml", "  training: default ", "  #")
    with pytest.raises(UserError, match=r"choices\.training"):
        compose_config()


def test_elsewhere_than_in_the_project_it_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="run from the project's root folder"):
        compose_config()


def test_a_stage_reads_its_own_sections_only(project):
    config = compose_config(["variant=l2"])
    assert section(config, "download") == {"data": {"source": "bundled", "path": "data/bundled/higgs-like.parquet"}}
    assert set(section(config, "train")) == {"variant", "training", "seeds", "repeats"}


def test_an_edit_within_a_second_that_keeps_the_size_is_seen(project):
    path = Path("conf/variant/l2.yaml")
    for number in range(1, 6):
        path.write_text(f"l2: 0.00{number}\n")
        assert compose_config(["variant=l2"]).variant.strength("l2") == number / 1000
