"""One safetensors file holds a training, whole: tensors as they are, everything else as JSON in its header.

    save("last.safetensors", {"epoch": 3, "network": network.state_dict()})
    network.load_state_dict(load("last.safetensors")["network"])

A tree of dicts, lists, numbers, strings and tensors comes back equal (a tuple as a list, numpy's numbers as
Python's). The bytes depend on nothing else, so two equal trainings write equal files. The header holds a
checksum of the file: a flipped bit anywhere is found before a tensor is made of it. Never pickle.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from tenfold.errors import RunError
from tenfold.files import read_bounded, sha256, write_atomic

FORMAT = 2
_KEY = "tenfold"  # the one entry of the header: safetensors writes several in a random order
_BLANK = b"0" * 64  # stands where the checksum comes, while it is computed
_TENSOR = "$tensor"  # {"$tensor": name} stands where a tensor was


def save(path: str | Path, tree: dict[str, Any]) -> None:
    """Write `tree` to `path`, atomically. Raises DiskError, and TypeError for what cannot be written."""
    tensors: dict[str, Tensor] = {}
    text = json.dumps({"format": FORMAT, "tree": _take_out(tree, "", tensors)}, default=plain)
    data = safetensors.torch.save(tensors, {_KEY: _BLANK.decode() + text})
    write_atomic(path, data.replace(_BLANK, sha256(data).encode(), 1))


def load(path: str | Path, *, limit: int = 1 << 30) -> dict[str, Any]:
    """The tree that `save` wrote. Raises RunError for a file that is absent, over `limit` bytes, damaged or
    not written by `save`, and DiskError where the system refuses."""
    data = read_bounded(path, limit, RunError, "The checkpoint")
    try:
        length = int.from_bytes(data[:8], "little")
        entry = json.loads(data[8 : 8 + length])["__metadata__"][_KEY]
        checksum, text = entry[:64], entry[64:]
        if sha256(data.replace(checksum.encode(), _BLANK, 1)) != checksum:
            raise RunError(f"The checkpoint '{path}' is damaged: its checksum differs.")
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise RunError(
                f"The checkpoint '{path}' has format {document['format']}; this Tenfold reads {FORMAT}."
            )
        tree: dict[str, Any] = dict(_put_back(document["tree"], safetensors.torch.load(data)))
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError):
        raise RunError(f"'{path}' is not a checkpoint of Tenfold, or it is cut short.") from None
    return tree


def plain(value: object) -> Any:
    """What JSON has of a value that is not its own: of a number of numpy's, the number; of a tensor, which is
    kept apart, nothing. Raises TypeError for all else."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Tensor):
        return None
    raise TypeError(f"{type(value).__name__} is neither a JSON value nor a tensor")


def _take_out(node: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """`node` as JSON; its tensors go into `tensors` by their path."""
    if isinstance(node, Tensor):
        while name in tensors:  # {"a/b": one, "a": {"b": another}}
            name += "'"
        tensors[name] = node.detach().cpu().contiguous()
        return {_TENSOR: name}
    if isinstance(node, dict):
        # pairs, as JSON has no integer keys and an optimizer's state has
        pairs = [(key, f"{name}/{key}" if name else str(key), value) for key, value in node.items()]
        return {"$dict": [[key, _take_out(value, inner, tensors)] for key, inner, value in pairs]}
    if isinstance(node, list | tuple):
        return [_take_out(value, f"{name}/{index}", tensors) for index, value in enumerate(node)]
    return node


def _put_back(node: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(node, list):
        return [_put_back(value, tensors) for value in node]
    if isinstance(node, dict):
        if _TENSOR in node:
            return tensors[node[_TENSOR]]
        return {key: _put_back(value, tensors) for key, value in node["$dict"]}
    return node
