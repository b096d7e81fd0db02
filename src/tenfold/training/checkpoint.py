"""One file holds a training, whole: tensors as safetensors, everything else as JSON in its header. Never
pickle.

    save("last.safetensors", {"epoch": 3, "network": network.state_dict(), "optimizer":
    optimizer.state_dict()}) state = load("last.safetensors")

A tree of dicts, lists, numbers, strings and tensors comes back equal. The bytes depend on nothing else, so
two equal trainings write equal files. A checksum of the tensors stands in the header: a flipped bit is
found.
"""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from tenfold.errors import RunError
from tenfold.files import read_bounded, sha256, write_atomic

FORMAT = 1
_TENSOR = "$tensor"  # {"$tensor": name} stands where a tensor was


def save(path: str | Path, tree: dict[str, Any]) -> None:
    """Write `tree` to `path`, atomically. Raises DiskError."""
    tensors: dict[str, Tensor] = {}
    text = json.dumps({"format": FORMAT, "tree": _take_out(tree, "", tensors)})
    checksum = _checksum(tensors, text)
    write_atomic(path, safetensors.torch.save(tensors, {"tenfold": text, "sha256": checksum}))


def load(path: str | Path, *, limit: int = 1 << 30) -> dict[str, Any]:
    """The tree that `save` wrote. Raises RunError for a file that is absent, over `limit` bytes or
    damaged."""
    data = read_bounded(path, limit, RunError, "The checkpoint")
    try:
        tensors = safetensors.torch.load(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])["__metadata__"]
        text, checksum = header["tenfold"], header["sha256"]
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise RunError(f"'{path}' is not a checkpoint of Tenfold, or it is cut short.") from None
    if checksum != _checksum(tensors, text):
        raise RunError(f"The checkpoint '{path}' is damaged: its checksum differs.")
    document = json.loads(text)
    if document["format"] != FORMAT:
        raise RunError(
            f"The checkpoint '{path}' has format {document['format']}; this Tenfold reads {FORMAT}."
        )
    tree: dict[str, Any] = _put_back(document["tree"], tensors)
    return tree


def _checksum(tensors: dict[str, Tensor], text: str) -> str:
    names = sorted(tensors)
    contents = b"".join(
        tensors[name].contiguous().view(-1).view(torch.uint8).numpy().tobytes() for name in names
    )
    return sha256("\n".join([text, *names, ""]).encode() + contents)


def _take_out(node: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """`node` as JSON; its tensors go into `tensors` by their path."""
    if isinstance(node, Tensor):
        tensors[name] = node.detach().cpu().contiguous()
        return {_TENSOR: name}
    if isinstance(node, dict):
        # pairs, as JSON has no integer keys and an optimizer's state has
        return {"$dict": [[key, _take_out(value, f"{name}/{key}", tensors)] for key, value in node.items()]}
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
