"""Checkpoints that cannot be read are removed with a line, and the run starts anew, to the same result."""

import contextlib
import hashlib
import io
import pickle

import numpy as np
import pytest

from overfitting.training.checkpoint import Checkpoint
from tests.builders.training import trained


class Payload:
    """Code that a pickle would execute."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def weights(found):
    return [array.tobytes() for array in (*found.early.get_weights(), *found.late.get_weights())]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing disturbed, and the checkpoint of its last epoch but one."""
    path = tmp_path_factory.mktemp("whole") / "checkpoint.npz"
    return trained(checkpoint=Checkpoint(path, "run", interval=0.0)), path.read_bytes()


def savez(path, **arrays):
    """What someone wrote who knows the format."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    path.write_bytes(content.getvalue() + hashlib.sha256(content.getvalue()).digest())


DAMAGES = {
    "empty": lambda path, content: path.write_bytes(b""),
    "truncated": lambda path, content: path.write_bytes(content[: len(content) // 2]),
    "short of a byte": lambda path, content: path.write_bytes(content[:-1]),
    "text": lambda path, content: path.write_text("<<<<<<< HEAD"),
    "zeros": lambda path, content: path.write_bytes(bytes(len(content))),
    "a pickle": lambda path, content: path.write_bytes(pickle.dumps(Payload())),
    "an array of objects": lambda path, content: savez(path, facts=np.array([Payload()], dtype=object)),
    "an array alone": lambda path, content: path.write_bytes(content[content.index(b"\x93NUMPY") :][:400]),
    "a folder": lambda path, content: path.mkdir(),
    "of another network": lambda path, content: savez(path, facts=FACTS, model_0=np.zeros((2, 2))),
    "without facts": lambda path, content: savez(path, model_0=np.zeros((2, 2))),
}
FACTS = '{"fingerprint": "run", "history": [], "seconds": [], "best": 1, "best_epoch": 0, "wait": 0}'


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_costs_epochs_and_changes_nothing(tmp_path, whole, damage, capsys):
    found, content = whole
    path = tmp_path / "checkpoint.npz"
    DAMAGES[damage](path, content)
    again = trained(checkpoint=Checkpoint(path, "run", interval=1e9))
    assert weights(again) == weights(found)
    assert again.history == found.history
    assert not path.exists()
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert f"{path}: unreadable, so the run starts anew (" in line


def test_an_undamaged_one_is_restored_without_a_word(tmp_path, whole, capsys):
    found, content = whole
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(content)
    again = trained(checkpoint=Checkpoint(path, "run", interval=1e9))
    assert weights(again) == weights(found)
    assert again.history == found.history
    assert [type(row["epoch"]) for row in again.history] == [int] * 4
    assert capsys.readouterr().err == ""


def test_a_flipped_bit_changes_no_value_without_an_error(tmp_path, whole):
    def read(content):
        path.write_bytes(content)
        facts, arrays = Checkpoint(path, "of another network")._read({})
        return facts, {name: array.tobytes() for name, array in arrays.items()}

    path = tmp_path / "checkpoint.npz"
    expected, bits = read(whole[1]), 8 * len(whole[1])
    for bit in np.random.default_rng(0).choice(bits, 600, replace=False):
        changed = bytearray(whole[1])
        changed[bit // 8] ^= 1 << bit % 8
        found = None
        with contextlib.suppress(Exception):  # as `restore` expects
            found = read(bytes(changed))
        assert found is None or found == expected, bit
