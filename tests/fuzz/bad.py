"""Files that no door may let in, by door: the malformed pictures, IDX files and models, made by code."""

import io
import json
import pickle
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from tests.data.test_idx import UNSOUND, bomb, idx
from tests.fuzz import corpora
from tests.images.corpus import bad_files, bad_pngs

from tenfold.model import seal

PLANE = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)


def pictures() -> dict[str, bytes]:
    return dict(bad_pngs(PLANE)) | dict(bad_files(PLANE))


def idx_files() -> dict[str, bytes]:
    codes = {f"type code {code}": idx(code, 1, 28, 28, body=bytes(784)) for code in range(256) if code != 8}
    bombs = {
        "bomb of one image": bomb(idx(8, 1, 28, 28), 2**26),
        "bomb that says so": bomb(idx(8, 2**31, 28, 28), 2**26),
        "bomb of zeros": bomb(b"", 2**26),
    }
    return {name: data for name, (data, _) in UNSOUND.items()} | codes | bombs


class Trap:
    """Unpickled, it would make a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.canary), "w")


def models(canary: Path) -> dict[str, bytes]:
    """`canary` is the file that would appear if one of them were unpickled."""
    good = corpora.model()["plain"]
    files = dict(_foreign(canary)) | dict(_edited(good)) | dict(_other_metadata(good))
    choose = random.Random(0)
    for at in range(0, len(good), 128):
        files[f"cut at {at}"] = good[:at]
        place = at + choose.randrange(min(128, len(good) - at))
        flipped = bytes([good[place] ^ 1 << choose.randrange(8)])
        files[f"bit flipped at {place}"] = good[:place] + flipped + good[place + 1 :]
    return files | {"byte after the end": good + b"\0", "twice": good + good}


def _foreign(canary: Path) -> Iterator[tuple[str, bytes]]:
    import torch
    from safetensors.numpy import save

    trap = Trap(canary)
    archive, packed, checkpoint, arrays = io.BytesIO(), io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("config.json", '{"class_name": "Lambda"}')
        opened.writestr("../../escaped", "x")
    with tarfile.open(fileobj=packed, mode="w") as tar:
        link = tarfile.TarInfo("model.onnx")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    torch.save(trap, checkpoint)
    np.save(arrays, np.array([trap], object), allow_pickle=True)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield f"pickle {protocol}", pickle.dumps(trap, protocol=protocol)
    yield "a .pt", checkpoint.getvalue()
    yield "a .keras", archive.getvalue()
    yield "a .h5", b"\x89HDF\r\n\x1a\n" + bytes(500)
    yield "a .npy", arrays.getvalue()
    yield "a .tar", packed.getvalue()
    yield "safetensors", save({"weights": np.zeros(3, np.float32)})
    yield "empty", b""
    yield "zeros", bytes(100_000)
    yield "noise", random.Random(0).randbytes(100_000)
    yield "html", b"<!DOCTYPE html><html><body>404</body></html>"
    yield "json", b"{}"
    yield "other onnx", onnx.ModelProto(ir_version=8, producer_name="pytorch").SerializeToString()
    yield "many fields", b"\x08\x08" + b"\x42\x00" * 1_000_000


def _edited(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Sealed anew, so that it is not the checksum that refuses them."""

    def edited(change: Callable[[onnx.ModelProto], object]) -> bytes:
        model = onnx.load_model_from_string(good)
        change(model)
        return seal(model.SerializeToString(), model.metadata_props[0].value)

    def weights(model: onnx.ModelProto, array: Any) -> None:
        first = model.graph.initializer[0]
        first.CopyFrom(numpy_helper.from_array(array, first.name))

    def external(model: onnx.ModelProto, location: str) -> None:
        entry = model.graph.initializer[0].external_data.add()
        entry.key, entry.value = "location", location
        model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL

    yield "external data", edited(lambda m: external(m, "weights.bin"))
    yield "external data elsewhere", edited(lambda m: external(m, "../../../../etc/passwd"))
    yield "wrong shape", edited(lambda m: weights(m, np.zeros((2, 1, 5, 5), np.float32)))
    yield "wrong kernel", edited(lambda m: weights(m, np.zeros((2, 3, 3, 3), np.float32)))
    yield "half precision", edited(lambda m: weights(m, np.zeros((2, 1, 3, 3), np.float16)))
    yield "NaN", edited(lambda m: weights(m, np.full((2, 1, 3, 3), np.nan, np.float32)))
    yield "infinity", edited(lambda m: weights(m, np.full((2, 1, 3, 3), np.inf, np.float32)))
    yield "other weights", edited(lambda m: weights(m, np.ones((2, 1, 3, 3), np.float32)))
    yield "missing weights", edited(lambda m: m.graph.initializer.pop(0))
    yield "weights twice", edited(lambda m: m.graph.initializer.append(m.graph.initializer[0]))
    yield (
        "more weights",
        edited(
            lambda m: m.graph.initializer.append(numpy_helper.from_array(np.zeros(3, np.float32), "more"))
        ),
    )
    yield "other operator", edited(lambda m: setattr(m.graph.node[1], "op_type", "Loop"))
    yield "own function", edited(lambda m: m.functions.add())
    yield "other domain", edited(lambda m: setattr(m.graph.node[1], "domain", "com.example"))
    yield "other input", edited(lambda m: setattr(m.graph.input[0], "name", "x"))
    yield "a node less", edited(lambda m: m.graph.node.pop())


def _other_metadata(good: bytes) -> Iterator[tuple[str, bytes]]:
    text = onnx.load_model_from_string(good).metadata_props[0].value

    def with_text(*texts: str) -> bytes:
        model = onnx.load_model_from_string(good)
        del model.metadata_props[:]
        for entry in texts:
            model.metadata_props.add(key="tenfold", value=entry)
        data: bytes = model.SerializeToString()
        return seal(data, texts[0]) if texts and len(texts[0]) > 100 else data

    def with_value(**values: object) -> bytes:
        return with_text(json.dumps(json.loads(text) | values, sort_keys=True, separators=(",", ":")))

    yield "format 0", with_value(format=0)
    yield "format 999", with_value(format=999)
    yield "no metadata", with_text()
    yield "metadata twice", with_text(text, text)
    yield "metadata not JSON", with_text("x")
    yield "metadata of a megabyte", with_value(recipe={"summary": "a" * 2**20})
    yield "metadata of many numbers", with_value(recipe={"steps": [0] * 2**22})
    yield "metadata nested deeply", with_text(text[:-1] + ',"z":' + "[" * 50_000 + "]" * 50_000 + "}")
    yield "no probabilities", with_value(golden={})
    yield "another temperature", with_text(text.replace('"temperature":1.0', '"temperature":-1.0'))
    yield "a temperature beyond any float", with_value(temperature=10**400)
