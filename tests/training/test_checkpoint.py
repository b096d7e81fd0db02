import json
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from tenfold.errors import DiskError, RunError
from tenfold.files import sha256, write_atomic
from tenfold.training import checkpoint

TREE: dict[Any, Any] = {
    "epoch": 3,
    "rate": 0.1,
    "nothing": None,
    "yes": True,
    "name": 'ünïcode " \\ \n',
    "special": [float("inf"), -0.0, 1e-308, 2**70],
    "weights": {
        "float32": torch.tensor([[1.5, -0.0], [float("inf"), 1e-45]]),
        "float64": torch.tensor(1 / 3, dtype=torch.float64),
        "bfloat16": torch.tensor([1.0, 2.5], dtype=torch.bfloat16),
        "int64": torch.arange(3),
        "bool": torch.tensor([True, False]),
        "none of it": torch.zeros(0, 4),
        "transposed": torch.arange(6.0).view(2, 3).T,
        "last": torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).to(
            memory_format=torch.channels_last
        ),
    },
    "state": {0: {"step": torch.tensor(7.0)}, 1: {"step": torch.tensor(8.0)}},
    "list": [1, [torch.ones(2), {"deep": torch.zeros(1)}], []],
    "a/b": torch.tensor(1.0),
    "a": {"b": torch.tensor(2.0)},
    "1": torch.tensor(3.0),
    1: torch.tensor(4.0),
    "$tensor": "a name",
    "$dict": {},
}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def test_a_tree_comes_back_equal(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c", TREE)
    assert same(checkpoint.load(tmp_path / "c"), TREE)


def test_an_optimizers_state_comes_back_equal(tmp_path: Path) -> None:
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    checkpoint.save(tmp_path / "c", {"optimizer": optimizer.state_dict()})
    other = torch.optim.Adam(torch.nn.Linear(3, 2).parameters())
    other.load_state_dict(checkpoint.load(tmp_path / "c")["optimizer"])
    for index, state in optimizer.state_dict()["state"].items():
        assert same(other.state_dict()["state"][index], state)


def test_equal_trees_are_equal_files(tmp_path: Path) -> None:
    """Not a matter of course: safetensors writes several entries of its header in a random order."""
    for number in range(20):
        tree = {"b": torch.ones(3), "a": [torch.zeros(2), 0.1], "c": {2: "x"}}
        checkpoint.save(tmp_path / str(number), tree)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_any_safetensors_reader_reads_the_weights(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c", {"network": {"layers.0.weight": torch.arange(4.0)}})
    loaded = safetensors.torch.load_file(tmp_path / "c")
    assert {name: value.tolist() for name, value in loaded.items()} == {
        "network/layers.0.weight": [0, 1, 2, 3]
    }


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.safetensors"
    checkpoint.save(path, {"epoch": 2, "network": {"weight": torch.arange(4.0)}})
    return path


def test_every_flipped_bit_is_found(sound: Path) -> None:
    data = sound.read_bytes()
    for place in range(len(data)):
        for bit in (1, 1 << place % 8):
            damaged = bytearray(data)
            damaged[place] ^= bit
            sound.write_bytes(damaged)
            with pytest.raises(RunError, match=r"damaged|not a checkpoint of Tenfold"):
                checkpoint.load(sound)


def test_a_shorter_or_longer_file_is_found(sound: Path) -> None:
    data = sound.read_bytes()
    for length in (*range(0, len(data), 3), len(data) - 1):
        sound.write_bytes(data[:length])
        with pytest.raises(RunError, match=r"damaged|not a checkpoint of Tenfold, or it is cut short"):
            checkpoint.load(sound)
    sound.write_bytes(data + b"\0")
    with pytest.raises(RunError, match="damaged"):
        checkpoint.load(sound)


class Bomb:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def header(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def sealed(document: Any) -> bytes:
    """A file that is sound but for what it says."""
    blank = b"0" * 64
    text = document if isinstance(document, str) else json.dumps(document)
    data = safetensors.torch.save({"t": torch.ones(1)}, {"tenfold": blank.decode() + text})
    return data.replace(blank, sha256(data).encode(), 1)


def numpy_file() -> bytes:
    return b"\x93NUMPY" + np.arange(100).tobytes()


FOREIGN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not a checkpoint"),
    "text": (b"hello " * 100, "not a checkpoint"),
    "zeros": (bytes(1000), "not a checkpoint"),
    "an npy file": (numpy_file(), "not a checkpoint"),
    "a header of exabytes": (b"\xff" * 8 + b"{}", "not a checkpoint"),
    "a header that is a list": (header("[]"), "not a checkpoint"),
    "a header that nests deeply": (header("[" * 100_000), "not a checkpoint"),
    "a header without ours": (header("{}"), "not a checkpoint"),
    "another program's": (safetensors.torch.save({"w": torch.ones(2)}, {"format": "pt"}), "not a checkpoint"),
    "ours is a number": (header('{"__metadata__":{"tenfold":3}}'), "not a checkpoint"),
    "ours is empty": (header('{"__metadata__":{"tenfold":""}}'), "damaged"),
    "another checksum": (header('{"__metadata__":{"tenfold":"' + "a" * 64 + '{}"}}'), "damaged"),
    "sealed, not JSON": (sealed("{"), "not a checkpoint"),
    "sealed, a list": (sealed([]), "not a checkpoint"),
    "sealed, no format": (sealed({"tree": {"$dict": []}}), "not a checkpoint"),
    "sealed, a later format": (
        sealed({"format": 3, "tree": {"$dict": []}}), "has format 3; this Tenfold reads 2"),
    "sealed, no tree": (sealed({"format": 2}), "not a checkpoint"),
    "sealed, a tensor that is not there": (
        sealed({"format": 2, "tree": {"$dict": [["w", {"$tensor": "w"}]]}}), "not a checkpoint"),
    "sealed, a dict without pairs": (sealed({"format": 2, "tree": {"$dict": [[1]]}}), "not a checkpoint"),
    "sealed, a key that cannot be one": (
        sealed({"format": 2, "tree": {"$dict": [[[], 1]]}}), "not a checkpoint"),
    "sealed, a tree that is a leaf": (sealed({"format": 2, "tree": 5}), "not a checkpoint"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "says"), FOREIGN.values(), ids=FOREIGN.keys())
def test_what_save_did_not_write_is_refused_with_a_sentence(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "c"
    path.write_bytes(data)
    with pytest.raises(RunError, match=says) as refusal:
        checkpoint.load(path)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("kind", ["pickle", "torch"])
def test_a_pickle_is_refused_and_nothing_in_it_runs(tmp_path: Path, kind: str) -> None:
    path, left_behind = tmp_path / "c", tmp_path / "left behind"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb(left_behind)))
    else:
        torch.save({"network": Bomb(left_behind)}, path)
    with pytest.raises(RunError, match="not a checkpoint of Tenfold"):
        checkpoint.load(path)
    assert not left_behind.exists()
    if kind == "pickle":  # the bomb is a live one
        pickle.loads(path.read_bytes())  # noqa: S301
        assert left_behind.exists()


def test_a_file_at_the_limit_is_read_and_one_over_it_refused(sound: Path) -> None:
    size = sound.stat().st_size
    assert checkpoint.load(sound, limit=size)["epoch"] == 2
    with pytest.raises(RunError, match=f"has {size:,} bytes; at most {size - 1:,} are allowed"):
        checkpoint.load(sound, limit=size - 1)


def test_an_absent_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"The checkpoint '.*nowhere' does not exist"):
        checkpoint.load(tmp_path / "nowhere")
    with pytest.raises(RunError, match="is a folder"):
        checkpoint.load(tmp_path)


def test_a_save_that_the_disk_refuses_leaves_the_old_checkpoint(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        monkeypatch.setattr("os.fsync", no_space)
        write_atomic(path, data)

    def no_space(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    before = sound.read_bytes()
    monkeypatch.setattr(checkpoint, "write_atomic", full)
    with pytest.raises(DiskError, match="No space left on device"):
        checkpoint.save(sound, {"epoch": 3})
    assert sound.read_bytes() == before
