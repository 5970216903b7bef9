"""Bad configurations, each with its expected outcome: a phrase of the one clear error, or acceptance."""

# ruff: noqa: E501 (tables with one case per entry)

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from overfitting.base.errors import UserError
from overfitting.config.composition import compose_baselines, compose_config, compose_variants
from overfitting.config.reading import EXPERIMENT
from overfitting.search.space import read_searches
from tests.conftest import ROOT

PARAMS, TRAINING, L2, CSV = "params.yaml", "conf/training/default.yaml", "conf/variant/l2.yaml", "conf/data/csv.yaml"
ACCEPTED = ""
Edit = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Case:
    expected: str  # a regular expression that the error matches; empty: accepted
    edits: dict[str, Edit] = field(default_factory=dict)  # by file
    overrides: tuple[str, ...] = ()
    act: Callable[[], Any] = lambda: None  # in the project's folder

    def __str__(self) -> str:
        return " ".join((*self.edits, *self.overrides))


def put(path: str, key: str, value: str, expected: str) -> Case:
    """Set a key of a file to a value, written in YAML."""
    return Case(expected, {path: lambda content: edited(content, key, value)})


def edited(content: bytes, key: str, value: str) -> bytes:
    loaded = yaml.safe_load(content) or {}
    *parents, last = key.split(".")
    node = loaded
    for parent in parents:
        node = node.setdefault(parent, {})
    node[last] = "THE VALUE"
    return yaml.safe_dump(loaded).replace("THE VALUE", f" {value}").encode()


def write(path: str, content: str | bytes, expected: str) -> Case:
    return Case(expected, {path: lambda _: content.encode() if isinstance(content, str) else content})


def twin(content: str) -> Case:
    """The variant l2, beside large, with this content."""
    beside_large = {PARAMS: lambda params: edited(params, "variants", "[large, l2]")}
    return Case("variants: l2 is the same network .* as large", {**beside_large, L2: lambda _: content.encode()})


def append(path: str, text: str, expected: str) -> Case:
    return Case(expected, {path: lambda content: content + b"\n" + text.encode()})


def recode(path: str, encoding: str, expected: str) -> Case:
    return Case(expected, {path: lambda content: (content.decode() + "# Käse\n").encode(encoding)})


def override(text: str, expected: str) -> Case:
    return Case(expected, overrides=(text,))


def act(function: Callable[[], Any], expected: str) -> Case:
    return Case(expected, act=function)


FILES = (PARAMS, "conf/config.yaml", TRAINING, L2)
BOMB = "a: &a [1]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefghij", "bcdefghijk", strict=True))

TEXTS = [
    *(recode(path, "utf-16", f"{path}: expected text in UTF-8, found UTF-16; .*iconv -f UTF-16") for path in FILES),
    *(recode(path, "utf-32", f"{path}: .*found UTF-32") for path in FILES),
    *(recode(path, "utf-16-le", f"{path}: (expected text|unacceptable)") for path in FILES),
    *(recode(path, "latin-1", f"{path}: .*such as Latin-1; convert it: iconv -f LATIN1") for path in FILES),
    *(recode(path, "utf-8-sig", ACCEPTED) for path in FILES),
    *(write(path, bytes(range(256)), f"{path}: expected text in UTF-8, found binary") for path in FILES),
    *(write(path, b"\x1f\x8b\x08\x00" + bytes(20), f"{path}: expected text in UTF-8, found binary") for path in FILES),
    *(write(path, b"a: \x00\n", f"{path}: unacceptable character") for path in FILES),
    *(write(path, "[1, 2]\n", rf"{path}: expected keys and values .*got \[1, 2\]") for path in FILES),
    *(write(path, "42\n", f"{path}: ") for path in FILES),
    *(write(path, "a: [1\n", rf"{path}: while parsing a flow sequence") for path in FILES),
    *(write(path, "a:\n\tb: 1\n", rf"{path}: .*cannot start any token") for path in FILES),
    *(append(path, "a: 1\nb: 2\na: 3\n", f"{path}: .*found duplicate key a") for path in FILES),
    *(append(path, "a: &x 1\nb: *x\n", rf"{path}: expected plain values, found an alias") for path in FILES),
    *(append(path, "a: !!python/object/apply:os.system [touch owned]\n", f"{path}: could not") for path in FILES),
    *(append(path, "a: !!python/name:os.system\n", f"{path}: could not determine a constructor") for path in FILES),
    *(append(path, "a: 2024-13-45\n", "a: unknown key .value '2024-13-45'") for path in FILES),
    *(append(path, "a: " + "9" * 5000 + "\n", f"{path}: Exceeds the limit") for path in FILES),
    *(append(path, "a: " + "[" * 1200 + "]" * 1200 + "\n", f"{path}: values are nested too deeply") for path in (L2,)),
    *(append(path, "? [1, 2]\n: 3\n", f"{path}: ") for path in FILES),
    append(PARAMS, BOMB, "found an alias"),
    append(PARAMS, "a: &x [*x]\n", "found an alias"),
    append(L2, "<<: {dropout: 0.5}\n", ACCEPTED),
    append(L2, "---\nl2: 1\n", f"{L2}: expected a single document"),
    append(L2, "<<<<<<< HEAD\nl2: 1\n=======\nl2: 2\n>>>>>>> x\n", f"{L2}: "),
    append(L2, "a: 2024-01-01\n", "variant.a: unknown key"),
    write(PARAMS, "", "params.yaml: expected choices.data, .*found none"),
    write(TRAINING, "", r"training\.(epochs|batch_size): missing"),
    write(TRAINING, "null\n", r"conf/training/default.yaml: expected keys and values|training\.epochs: missing"),
    write(TRAINING, "# nothing\n", r"training\.epochs: missing"),
    twin(""),
    twin("{}\n"),
    twin("l2: 0.0\n"),
    twin("hidden_units: [512, 512, 512, 512]\n"),
    write(L2, "hello\n", "variant.hello: unknown key"),
    write(L2, "# @package training\nepochs: 3\n", "conf/variant/l2.yaml: expected `# @package variant`"),
    write(L2, "# @package _global_\nseeds: [1]\n", "expected `# @package variant`.*got `# @package _global_`"),
    write(L2, "# @package variant\nl2: 0.1\n", ACCEPTED),
    write("conf/variant/large.yaml", "", ACCEPTED),
]


def link(path: str, target: str) -> None:
    Path(path).unlink()
    Path(path).symlink_to(target)


def folder(path: str) -> None:
    Path(path).unlink()
    Path(path).mkdir()


def secret() -> None:
    Path("elsewhere.yaml").write_text("l2: 0.1\n")
    link(L2, "../../elsewhere.yaml")


PLACES = [
    *(act(lambda path=path: Path(path).unlink(), expected) for path, expected in [
        (PARAMS, "expected conf/config.yaml and params.yaml"),
        ("conf/config.yaml", "expected conf/config.yaml and params.yaml"),
        (TRAINING, "training: got 'default', expected one of medium, small, smoke, tutorial"),
        (L2, "variants: got 'l2', expected one of"),
        ("conf/baseline/random_forest.yaml", "baselines: got 'random_forest', expected one of"),
    ]),
    *(act(lambda path=path: folder(path), expected) for path, expected in [
        (PARAMS, "expected conf/config.yaml and params.yaml"),
        ("conf/config.yaml", "expected conf/config.yaml and params.yaml"),
        (TRAINING, f"{TRAINING}: expected a YAML file.*; Is a directory"),
        (L2, f"{L2}: expected a YAML file.*; Is a directory"),
    ]),
    *(act(lambda path=path: link(path, "nowhere"), expected) for path, expected in [
        (PARAMS, "expected conf/config.yaml and params.yaml"),
        (TRAINING, f"{TRAINING}: expected a YAML file.*; No such file"),
        (L2, f"{L2}: expected a YAML file.*; No such file"),
    ]),
    *(act(lambda path=path: link(path, "/dev/null"), f"{path}: expected a file in conf/, found a link to /dev/null")
      for path in (TRAINING, L2)),
    act(lambda: link(L2, Path(L2).name), f"{L2}: "),
    act(secret, f"{L2}: expected a file in conf/, found a link to .*elsewhere.yaml"),
    act(lambda: link(L2, "dropout.yaml"), ACCEPTED),
    act(lambda: shutil.rmtree("conf"), "expected conf/config.yaml and params.yaml"),
    act(lambda: shutil.rmtree("conf/variant"), "Could not find 'variant/large'"),
]  # fmt: skip

OUTSIDE = ("../x", "../../etc/passwd", "/etc/passwd", "..", ".", "./default", "a/../default", "default.yaml", "a//b",
           "C:/x", "~/x", "$HOME", "a b", "", "default ", "default/", "-x", "x,y", "x=y", "${oc.env:HOME}", "%s", "*")  # fmt: skip
KINDS = {"1": "found 1", "[bundled]": "found", "{a: 1}": "found", "null": "found none", "true": "found True",
         ".nan": "found nan", "1.5": "found 1.5"}  # fmt: skip
CHOICES = [
    *(put(PARAMS, "choices.data", f'"{name}"', "data: got|interpolation|Interpolation|configuration|env") for name in OUTSIDE),
    *(put(PARAMS, "variants", f'[large, l2, "{name}"]', r"variants(\.2)?: got") for name in OUTSIDE if "$" not in name),
    *(put(PARAMS, "choices.data", value, f"expected choices.data, .*{found}") for value, found in KINDS.items()),
    *(put(PARAMS, "choices", value, "expected choices.data, .*found none") for value in ("1", "[a]", "null", "x", "{}")),
    put(PARAMS, "choices.dota", "bundled", r"choices\.dota: unknown key"),
    put(PARAMS, "choices.training", "smal", "training: got 'smal', expected one of .*small"),
    put(PARAMS, "choices.data", "csv", "Missing mandatory value.*data"),
    put(PARAMS, "choices.data", "DATA", "data: got 'DATA'"),
    put(PARAMS, "variants", "[large, 1]", "variants.1: got 1"),
    put(PARAMS, "variants", "[large, null]", "variants.1: got None"),
    put(PARAMS, "variants", "[[large]]", "variants.0: got "),
    put(PARAMS, "variants", "large", "variants: got 'large'"),
    put(PARAMS, "variants", "[]", r"variants: got \[\]"),
    put(PARAMS, "variants", "[large, large]", "expected each value once"),
    put(PARAMS, "variants", "{large: 1}", "variants: got "),
    put(PARAMS, "baselines", "[boosting]", "baselines: got 'boosting', expected one of gradient_boosting"),
    put(PARAMS, "baselines", "null", "baselines: got None"),
    put(PARAMS, "variants", "[large, l2, baselines]", "variants: got 'baselines'"),
    Case("variants: the folder of l2/x lies in that of l2", {
        PARAMS: lambda content: edited(content, "variants", "[large, l2, l2/x]"),
        "conf/variant/l2/x.yaml": lambda _: b"# @package variant\nl2: 0.3\n",
    }),
    Case("variants: the folder of baselines/x lies in that of baselines", {
        PARAMS: lambda content: edited(content, "variants", "[large, baselines/x]"),
        "conf/variant/baselines/x.yaml": lambda _: b"# @package variant\nl2: 0.3\n",
    }),
]  # fmt: skip

DEFAULTS = [
    append(L2, "defaults: [l2]\n", f"{L2}: `defaults` belongs in conf/config.yaml alone"),
    append(L2, "defaults: [dropout]\n", f"{L2}: `defaults` belongs in"),
    append(L2, "defaults: [/variant/l2]\n", f"{L2}: `defaults` belongs in"),
    append(TRAINING, "defaults: [default]\n", f"{TRAINING}: `defaults` belongs in"),
    append(TRAINING, "defaults: null\n", f"{TRAINING}: `defaults` belongs in"),
    append(PARAMS, "defaults: [config]\n", "params.yaml: `defaults` belongs in conf/config.yaml"),
    append(PARAMS, "defaults: [params]\n", "params.yaml: `defaults` belongs in conf/config.yaml"),
    append(PARAMS, "hydra: {run: {dir: /}}\n", "params.yaml: `hydra` belongs in conf/config.yaml"),
    append(PARAMS, "hydra: 3\n", "params.yaml: `hydra` belongs in conf/config.yaml"),
    *(put("conf/config.yaml", "defaults", value, "configuration: |conf/config.yaml: ") for value in (
        "[config]", "[_self_, config]", "1", "null", "[1]", "[[data]]", "{data: bundled}", "[]", "[nothing]",
        "[data: 1]", "[data: [a]]", "[{}]", "[{a: b, c: d}]", "[data: ../x]", "['../params']", "[_self_, _self_]", "[_self_, params, 1]", "[_self_, params, [a]]", "[_self_, params, config]",
        "[_self_, params, {}]", "[_self_, params, {a: b, c: d}]", "[_self_, params, data: 1]", "[_self_, params, data: ../x]",
        "[_self_, params, params]")),
    append("conf/config.yaml", "x: 1\n", "x: unknown key"),
]  # fmt: skip

VALUES = [
    *(put(L2, "dropout", value, expected) for value, expected in [
        ("0.999999", r"expected a dropout that keeps at least one unit|less than or equal to 0.9999"),
        ("0.9985", "expected a dropout that keeps at least one unit of each layer on average, not 0.77"),
        ("0.99", ACCEPTED), ("1", "variant.dropout: got 1"), ("-0.1", "variant.dropout: got -0.1"),
        (".nan", "variant.dropout: got nan"), (".inf", "variant.dropout: got inf"), ('"0.5"', "variant.dropout: got '0.5'"),
        ("true", "variant.dropout: got True"), ("null", "variant.dropout: got None"), ("[0.5]", r"variant.dropout: got \[0.5\]"),
        ("1e-50", "expected 0 or a number of a size"), ("0,5", "variant.dropout: got '0,5'"), ("50%", "variant.dropout: got '50%'"),
        ("${variant.l2}", ACCEPTED), ("${variant.dropout}", "refers to itself|configuration"), ("${nothing}", "Interpolation key"),
        ("${", f"{L2}: no viable alternative"), ("${oc.env:NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE"), ("???", ACCEPTED),
        ("${explain:train}", "refers to itself|configuration|variant.dropout"),
    ]),
    *(put(L2, key, "1e30", f"variant.{key}: got 1e.30; input should be less than or equal to 1000000")
      for key in ("l1", "l2", "l1_proximal", "weight_decay", "noise", "mixup")),
    *(put(L2, key, "1e300", f"variant.{key}: got 1e.300") for key in ("l1", "max_norm", "weight_decay")),
    *(put(L2, key, "-1", f"variant.{key}: got -1") for key in ("l1", "l2", "noise", "max_norm", "ema", "label_smoothing")),
    *(put(L2, "hidden_units", value, r"variant\.hidden_units") for value in (
        "[]", "[0]", "[-1]", "[1.5]", "['16']", "16", "[16, null]", "[[16]]", "[1000000000]", "[true]", "null", "x",
        "[" + ", ".join(["16"] * 200) + "]", "[" + "9" * 40 + "]")),
    put(L2, "activation", "swish", "variant.activation: got 'swish'; input should be 'elu'"),
    put(L2, "droput", "0.5", "variant.droput: unknown key.*did you mean dropout"),
    put(L2, "L2", "0.5", "variant.L2: unknown key"),
    put(L2, "normalization", "group", "variant.normalization: got 'group'"),
    put(L2, "symmetry", "1", "variant.symmetry: got 1"),
    put(L2, "ensemble_of", "nobody", "l2: variant.ensemble_of: got 'nobody'"),
    put(L2, "ensemble_of", "l2", "l2: variant.ensemble_of: got 'l2'"),
    put(L2, "1", "2", "unknown key|variant.1"),
    put(L2, "variant.l2", "0.1", "variant.variant: unknown key"),
    *(put(TRAINING, "epochs", value, r"training\.epochs: got") for value in (
        "0", "-1", "1.5", ".nan", '"50"', "fifty", "null", "[50]", "{a: 1}", "true", "1_0_x", "9" * 30, "1e3", "0.5e2")),
    put(TRAINING, "epochs", "0x10", ACCEPTED),
    put(TRAINING, "epochs", "0x" + "f" * 5000, "training.epochs: got a very large int"),
    put(TRAINING, "epochs", "1", "training.schedule.warmup_epochs: got 2, expected at most the epochs .*= 1"),
    put(TRAINING, "schedule.warmup_epochs", "51", "warmup_epochs: got 51, expected at most the epochs"),
    put(TRAINING, "schedule.warmup_epochs", "50", ACCEPTED),
    put(TRAINING, "schedule.warmup_epochs", "-1", "warmup_epochs: got -1"),
    put(TRAINING, "schedule", "cosine", "training.schedule: "),
    put(TRAINING, "schedule.name", "linear", "training.schedule: .*'cosine', 'inverse_time'"),
    put(TRAINING, "schedule.name", "inverse_time", "training.schedule.(decay_epochs: missing|reference_width: unknown)"),
    put(TRAINING, "schedule.name", "null", "training.schedule: "),
    put(TRAINING, "schedule.learning_rate", "0", "learning_rate: got 0"),
    put(TRAINING, "schedule.learning_rate", "1e39", "learning_rate: got 1e.39"),
    put(TRAINING, "schedule.warmup", "1", "training.schedule.warmup: unknown key.*did you mean warmup_epochs"),
    put(TRAINING, "epoch", "3", "training.epoch: unknown key.*did you mean epochs"),
    put(TRAINING, "batch_size", "20000", "training.batch_size: got 20000, expected at most the training rows"),
    put(TRAINING, "precision", "float16", "training.precision: got 'float16'"),
    put(TRAINING, "patience", "0", "training.patience: got 0"),
    *(put(PARAMS, "split.train", value, r"split\.train: got") for value in ("0", "-5", "1e4", '"10000"', "null", "9" * 30)),
    put(PARAMS, "split.trian", "5", "split.trian: unknown key.*did you mean train"),
    put(PARAMS, "split.resample", "1", "split.resample: got 1"),
    put(PARAMS, "split", "null", "split: got None|split: "),
    put(PARAMS, "split", "0.8", "split: got 0.8|split: "),
    *(put(PARAMS, "seeds", value, r"seeds(\.\d)?: got") for value in (
        "[]", "[-1]", "[0.5]", "5", "null", "[a]", "[0, 0]", "[4294967296]", "{a: 1}", "[true]", "[null]")),
    *(put(PARAMS, "repeats", value, r"repeats") for value in (
        "3", "[large]", "null", "{large: 0}", "{large: 1.5}", "{larg: 3}", "{large: 1000000}", "{1: 2}", "{../x: 2}")),
    Case("ensemble averages the networks of large: expected at least two per seed", {
        PARAMS: lambda content: edited(edited(content, "repeats", "{}"), "variants", "[large, ensemble]")}),
    Case("variants: l2 is the same network .* as large", {
        PARAMS: lambda content: edited(edited(content, "variant", "{l2: 0.3}"), "variants", "[large, l2]")}),
    put(PARAMS, "training", "{epochs: 3}", ACCEPTED),
    put(PARAMS, "training", "3", "training: "),
    put(PARAMS, "sead", "0", "sead: unknown key.*did you mean seed"),
    put(PARAMS, "seed", "-1", "seed: got -1"),
    put(PARAMS, "data", "{path: [1]}", "data.path: got"),
    put(PARAMS, "data", "null", "data: "),
    put("conf/evaluation/default.yaml", "confidence", "95", "evaluation.confidence: got 95"),
    put("conf/evaluation/default.yaml", "confidence", "1.0", "evaluation.confidence: got 1.0"),
    put("conf/evaluation/default.yaml", "calibration_bins", "1000000", "calibration_bins: got 1000000"),
    put("conf/preprocessing/standard.yaml", "without", "[phy]", "preprocessing.without.0: got 'phy'"),
    put("conf/preprocessing/standard.yaml", "scaling", "minmax", "preprocessing.scaling: got 'minmax'"),
    put("conf/baseline/random_forest.yaml", "rows", "0", "baseline.rows: got 0"),
    put("conf/baseline/random_forest.yaml", "model", "svm", "baseline.model: got 'svm'"),
    put("conf/data/bundled.yaml", "source", "web", "data: .*'bundled', 'simulated'"),
    put("conf/data/bundled.yaml", "source", "null", "data: "),
    put("conf/data/bundled.yaml", "path", "3", "data.path: got 3"),
    put("conf/data/bundled.yaml", "rows", "3", "data.rows: unknown key"),
]  # fmt: skip


def table(setting: str, expected: str) -> Case:
    return Case(expected, overrides=("data=csv", "data.path=a.csv", "data.label=y", setting))


OVERRIDES = [
    *(override(text, expected) for text, expected in [
        ("data=1", "data: got 1, expected one of"), ("data=[bundled,csv]", "data: got"), ("data=null", "data: got None"),
        ("data=", "data: got ''"), ("data=../data/bundled", "data: got '../data/bundled'"), ("data={a:1}", "data: got {"),
        ("data=/etc/passwd", "data: got '/etc/passwd'"), ("variant=../variant/l2", "variant: got"), ("training=deflt", "training: got"),
        ("'data'=csv", "configuration: "), ("data=bundled,simulated", "configuration: "), ("data=glob(*)", "configuration: "),
        ("choices.data=csv", "choose on the command line with data="), ("+choices.data=csv", "choose on the command line"),
        ("choices={data:csv}", "choose on the command line"), ("=3", "configuration: "), ("a=b=c", "configuration: "),
        ("seeds=[0,1", "configuration: "), ("seeds=[0,1]]", "configuration: "), ("training.epochs={", "configuration: "),
        ("nothing.at.all=1", "Could not override|not in struct"), ("training.epochs.x=1", "configuration: "),
        ("~training.epochs=50", "training.epochs: missing"), ("~nothing=1", "configuration: "), ("~split=1", "configuration: "),
        ("split=3", "split"), ("+split=3", "configuration|split"), ("++split.x=3", "split.x: unknown key"), ("seed=x", "seed: got 'x'"),
        ("seed=[0]", "seed: got"), ("variants=[large,l2,]", "configuration: "), ("variants=large", "variants: got 'large'"),
        ("variant.l2=1e30", "variant.l2: got 1e.30"), ("variant.l2='0.1'", "variant.l2: got '0.1'"), ("variant.l2=0.1", ACCEPTED),
        ("variant={l2:0.1}", "variant: got"), ("training.epochs=${oops}", "[Ii]nterpolation"), ("é=1", "configuration: "),
        ("training.epochs=${training.epochs}", "refers to itself|[Ii]nterpolation"), ("\x00=1", "configuration: "),
        ("a@b=c", "configuration: "), ("data@x=csv", "configuration: |data"), ("training.epochs=1 2", "got '1 2'"), ("x" * 5000 + "=1", "conf"),
        ("job=", "job: got ''"), ("hydra.run=3", "configuration: "), ("hydra=x", "configuration: "), ("config=x", "configuration: "),
        ("evaluation.confidence=inf", "evaluation.confidence: got inf"), ("repeats.large=-1", "repeats.large: got -1"),
        ("training.epochs=1" + "0" * 5000, "configuration|training.epochs"), ("a=" + "[" * 2000 + "]" * 2000, "configuration"),
    ]),
    *(table(text, expected) for text, expected in [
        ("data.units=3", "data.units: got 3"), ("+data.units.a=1", "data.units.a: got 1"), ("data.units={a:1}", "configuration: "), ("data.categories=0", "data.categories: got 0"),
        ("data.categorical=zip", "data.categorical: got 'zip'"), ("data.missing=ignore", "data.missing: got 'ignore'"),
        ("data.positive=[1]", "data.positive"), ("data.label=null", "data.label: got None"), ("data.label=''", "data.label: got ''"),
        ("data.path=3", "data.path: got 3"), ("data.drop=x", "data.drop: got 'x'"), ("data.drop=[x]", ACCEPTED),
        ("data.positive=yes", ACCEPTED), ("data.positive=nan", "data.positive"),
    ]),
    *(Case(expected, overrides=("data=higgs", text)) for text, expected in [
        ("data.urls=[]", r"data.urls: got \[\]"), ("data.urls=[ftp://x]", "data.urls.0: got 'ftp://x'"), ("data.rows=0", "data.rows: got 0"),
        ("data.urls=['file:///etc/passwd']", "data.urls.0: got"), ("data.sha256=abc", "data.sha256: got 'abc'"),
        ("data.timeout_seconds=0", "timeout_seconds: got 0"), ("data.retries=-1", "data.retries: got -1"), ("data.rows=null", ACCEPTED),
        ("data.timeout_seconds=inf", "timeout_seconds: got inf"), ("data.size_bytes=-1", "data.size_bytes: got -1"),
    ]),
]  # fmt: skip

CASES = [*TEXTS, *PLACES, *CHOICES, *DEFAULTS, *VALUES, *OVERRIDES]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """conf/ and a params.yaml with few variants and baselines, because each of them takes a tenth of a second."""
    root = tmp_path_factory.mktemp("few")
    shutil.copytree(ROOT / "conf", root / "conf")
    text = re.sub(r"(?s)\nbaselines:.*", "\n", (ROOT / PARAMS).read_text())
    (root / PARAMS).write_text(text + "baselines: [random_forest]\nvariants: [l2]\n")
    return root


@pytest.fixture
def conf(few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(few, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(path: str, change: Edit) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(change(file.read_bytes() if file.is_file() else b""))


def compose(case: Case) -> None:
    compose_config(case.overrides)
    compose_variants(case.overrides)
    if "baseline" in case.expected:
        compose_baselines(case.overrides)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case)[:60])
def test_outcome(case: Case, conf: Path) -> None:
    for path, change in case.edits.items():
        edit(path, change)
    case.act()
    if case.expected == ACCEPTED:
        compose(case)
        return
    with pytest.raises(UserError) as raised:
        compose(case)
    assert re.search(case.expected, str(raised.value), re.DOTALL), str(raised.value)
    assert not Path("owned").exists()
    assert len(str(raised.value)) < 2000


def test_corpus_is_large() -> None:
    assert len(CASES) >= 200


WALKED = [PARAMS, *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "conf").rglob("*.yaml"))]
WRONG = ('"text"', "[1, a]", "{a: 1}", "null", "-1", ".nan")


@pytest.mark.slow
@pytest.mark.parametrize("path", WALKED)
def test_any_value_of_any_leaf_ends_in_one_clear_error_or_is_accepted(path: str, conf: Path) -> None:
    original = Path(path).read_bytes()
    _, group, name = ["", "", *Path(path).with_suffix("").as_posix().split("/", 2)][-3:]
    is_choice = Path("conf", group).is_dir() and bool(group)
    for key in leaves(yaml.safe_load(original) or {}):
        for value in WRONG:
            Path(path).write_bytes(edited(original, key, value))
            with suppress(UserError):
                if path == "conf/search.yaml":
                    read_searches()
                else:
                    compose_config([f"{'+' * (group == EXPERIMENT)}{group}={name}"] if is_choice else [])
        Path(path).write_bytes(original)


def leaves(node: dict[str, Any], place: str = "") -> Iterator[str]:
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{place}{key}.")
        else:
            yield f"{place}{key}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "content", "arguments", "expected"),
    [
        (L2, b"\xff\xfel\x002\x00", ["download"], "found UTF-16"),
        (PARAMS, b"choices: {data: 1}\n", ["preprocess"], "params.yaml: expected choices.data"),
        (TRAINING, b"defaults: [default]\n", ["train", "variant=l2"], "`defaults` belongs in conf/config.yaml"),
        ("conf/search.yaml", b"trials: [\n", ["tune", "l2"], "conf/search.yaml: while parsing"),
        (L2, b"l2: !!python/object/apply:os.system [touch owned]\n", ["report", "variant=l2"], "could not determine"),
        (None, b"", ["evaluate", "data=../x"], "data: got '../x'"),
        (None, b"", ["preprocess", "--cfg", "job", "data=1"], "data: got 1"),
        (None, b"", ["baseline", "baseline=/etc/passwd"], "baseline: got '/etc/passwd'"),
    ],
)
def test_command_line(path: str | None, content: bytes, arguments: list[str], expected: str, conf: Path) -> None:
    if path:
        Path(path).write_bytes(content)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "overfitting", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, expected in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("owned").exists()
