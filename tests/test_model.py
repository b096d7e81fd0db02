"""The model file: what is read, what is refused, and that nothing runs on the way."""

import base64
import contextlib
import inspect
import io
import json
import os
import pickle
import random
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tenfold import onnx_wire
from tenfold.errors import DiskError, ModelFileError, TenfoldError, UnknownNameError, UsageError
from tenfold.kinds import DIGIT, LINE
from tenfold.model import (
    DEFAULT_MODEL,
    FORMAT,
    LINES,
    MODELS,
    Model,
    list_models,
    open_session,
    parse_model,
    read_model,
    resolve,
    seal,
)
from tenfold.reading.reader import Reader


def refused(data: bytes, match: str | None = None) -> None:
    with pytest.raises(ModelFileError, match=match) as caught:
        open_session(parse_model(data, "m.onnx"))
    assert str(caught.value).startswith("The model file 'm.onnx' cannot be used: ")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def with_metadata(data: bytes, *texts: str) -> bytes:
    """The same graph with other metadata and a checksum that fits."""
    model = onnx.load_model_from_string(data)
    del model.metadata_props[:]
    for text in texts:
        model.metadata_props.add(key="tenfold", value=text)
    changed: bytes = model.SerializeToString()
    return seal(changed, texts[0]) if texts and texts[0].startswith('{"checksum":"') else changed


def text_of(data: bytes) -> str:
    model = onnx.load_model_from_string(data)
    return str(model.metadata_props[0].value)


def changed(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(text_of(data))
    change(document)
    return with_metadata(data, json.dumps(document, sort_keys=True, separators=(",", ":")))


def test_metadata_is_read_back(model_file: Path, model_bytes: bytes) -> None:
    model = read_model(model_file)
    assert (model.name, model.data, model.source) == ("small", model_bytes, str(model_file))
    assert model.metadata.temperature == 1.25
    assert model.metadata.thresholds == {"confidence": 0.11}
    assert model.metadata.recipe == {"kind": "small", "epochs": 3}
    assert model.metadata.data == {"mnist-train": "ab" * 32}
    assert model.metadata.measured == {"validation": {"accuracy": 0.5}}
    assert model.metadata.parameters == 4 * 9 + 4 + 676 * 10 + 10
    assert model.metadata.golden_images.shape == (4, 28, 28)
    assert model == read_model(model_file)
    assert model.metadata.kind.classes == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")


def test_a_precision_is_one_that_the_values_have(model_bytes: bytes) -> None:
    """And a file of floats does not say it: files that are older than the word keep their checksums."""
    assert "precision" not in json.loads(text_of(model_bytes))
    for precision, message in (
        ("int8", "its values are not those of int8"),
        ("float32", "not as Tenfold writes it"),
        ("int4", "incomplete or has a wrong value"),
        (8, "incomplete or has a wrong value"),
        (["int8"], "incomplete or has a wrong value"),
    ):
        data = changed(model_bytes, partial(dict.update, precision=precision))
        with pytest.raises(ModelFileError, match=message):
            parse_model(data, "small.onnx")


def test_a_file_that_onnx_runtime_fails_at_is_refused(
    model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some operators look at their constants only when they run."""

    class Failing:
        def run(self, *_: object) -> None:
            raise ValueError("Non-zero status code returned while running QGemm node.")

    monkeypatch.setattr("tenfold.model.unchecked_session", lambda *_: Failing())
    with pytest.raises(ModelFileError, match=r"small\.onnx' cannot be used: ONNX Runtime refuses it\."):
        open_session(read_model(model_file))


def test_session_takes_any_batch(model_file: Path) -> None:
    session = open_session(read_model(model_file), threads=2)
    for count in (0, 1, 3, 40):
        images = np.zeros((count, 1, 28, 28), np.float32)
        probabilities, logits = session.run(["probabilities", "logits"], {"images": images})
        assert probabilities.shape == logits.shape == (count, 10)


class Trap:
    """Unpickled, it would make a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.canary), "w")


def foreign_files(canary: Path) -> dict[str, bytes]:
    import torch

    keras, checkpoint = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(keras, "w") as archive:
        archive.writestr("config.json", "{}")
    torch.save({"weights": torch.zeros(3)}, checkpoint)
    return {
        "empty": b"",
        "pickle": pickle.dumps(Trap(canary)),
        "old pickle": pickle.dumps(Trap(canary), protocol=0),
        "torch": checkpoint.getvalue(),
        "keras": keras.getvalue(),
        "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(100),
        "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "html": b"<!DOCTYPE html><html><body>404</body></html>",
        "safetensors": b"\x02\x00\x00\x00\x00\x00\x00\x00{}",
        "zeros": bytes(10_000),
        "noise": random.Random(0).randbytes(10_000),
        "other onnx": onnx.ModelProto(ir_version=8, producer_name="pytorch").SerializeToString(),
    }


_watching = False
_events: list[str] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    watched = event.split(".")[0] in {"open", "exec", "compile", "import", "socket", "subprocess", "os"}
    if _watching and watched and not (event == "open" and isinstance(arguments[0], int)):  # a handle at hand
        _events.append(f"{event} {arguments[0] if arguments else ''}")


@pytest.fixture(scope="session")
def audit() -> Callable[[], contextlib.AbstractContextManager[list[str]]]:
    sys.addaudithook(_hook)  # cannot be taken away again

    @contextlib.contextmanager
    def watch() -> Iterator[list[str]]:
        global _watching
        _events.clear()
        _watching = True
        try:
            yield _events
        finally:
            _watching = False

    return watch


def test_foreign_and_malicious_files_are_refused_and_run_nothing(
    tmp_path: Path, model_bytes: bytes, audit: Callable[[], contextlib.AbstractContextManager[list[str]]]
) -> None:
    canary, path = tmp_path / "canary", tmp_path / "m.onnx"
    external = onnx.load_model_from_string(model_bytes)
    entry = external.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "canary"
    files = foreign_files(canary) | {"external": external.SerializeToString(), "cut": model_bytes[:5000]}
    for name, data in files.items():
        path.write_bytes(data)
        with audit() as events, pytest.raises(ModelFileError) as caught:
            read_model(path)
        assert set(events) == {f"open {path}"}, name
        assert str(caught.value).startswith(f"The model file '{path}' cannot be used: "), name
    assert not canary.exists()


def test_a_session_opens_no_file_and_no_socket(
    model_file: Path, audit: Callable[[], contextlib.AbstractContextManager[list[str]]]
) -> None:
    model = read_model(model_file)
    open_session(model)  # ONNX Runtime is imported here
    with audit() as events:
        open_session(model)
    assert events == []


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "absent", Path("/dev/zero"), "a\0b"):
        with pytest.raises(ModelFileError, match=r"^The model file .*\.$"):
            read_model(path)
    with pytest.raises(TenfoldError, match="cannot be read"):
        read_model(tmp_path / "loop")


def test_size_limit_at_over_and_default(model_file: Path, model_bytes: bytes) -> None:
    assert read_model(model_file, size_limit=len(model_bytes)).data == model_bytes
    with pytest.raises(ModelFileError, match="at most"):
        read_model(model_file, size_limit=len(model_bytes) - 1)
    with model_file.open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    with pytest.raises(ModelFileError, match="at most 67,108,864"):
        read_model(model_file)


def test_a_cut_file_is_refused(model_bytes: bytes) -> None:
    for length in (*range(1, len(model_bytes), 1024), len(model_bytes) - 1):
        refused(model_bytes[:length])
    refused(model_bytes + b"\0")
    refused(model_bytes + model_bytes)


def test_every_flipped_bit_is_found(model_bytes: bytes) -> None:
    choose = random.Random(0)
    ends = [*range(1000), *range(len(model_bytes) - 600, len(model_bytes))]  # nodes, then metadata
    for at in ends + choose.sample(range(len(model_bytes)), 500):
        damaged = bytearray(model_bytes)
        damaged[at] ^= 1 << choose.randrange(8)
        with pytest.raises(ModelFileError):
            parse_model(bytes(damaged), "m.onnx")


def mutated(data: bytes, choose: random.Random) -> bytes:
    """A few bytes replaced, removed, repeated or moved, mostly in the graph's structure and the metadata."""
    changed = bytearray(data)
    for _ in range(choose.randint(1, 3)):
        at = choose.choice([choose.randrange(900), len(changed) - 1 - choose.randrange(900)])
        size = choose.choice([1, 1, 1, 2, 8, 40])
        match choose.randrange(4):
            case 0:
                changed[at : at + size] = choose.randbytes(size)
            case 1:
                del changed[at : at + size]
            case 2:
                changed[at:at] = changed[at : at + size]
            case 3:
                changed[at] = choose.choice([0, 1, 2, 0x7F, 0x80, 0xFF, changed[at] ^ 1, changed[at] ^ 0x80])
    return bytes(changed)


def test_mutated_files_are_refused_or_answer_as_before(model_bytes: bytes) -> None:
    """Half of them get a checksum that fits, so that the checks behind it are met too."""
    choose = random.Random(1)
    images = np.zeros((1, 1, 28, 28), np.float32)
    (expected,) = open_session(parse_model(model_bytes, "m")).run(["probabilities"], {"images": images})
    past_checksum = 0
    for turn in range(600):
        data = mutated(model_bytes, choose)
        if turn % 2:
            with contextlib.suppress(ModelFileError, ValueError):
                data = seal(data, onnx_wire.parse(data).metadata[0][1])
                past_checksum += 1
        try:
            session = open_session(parse_model(data, "m"))
        except ModelFileError:
            continue
        (found,) = session.run(["probabilities"], {"images": images})
        assert np.abs(found - expected).max() < 1e-3
    assert past_checksum > 20


def edit(*keys: str, to: object) -> Callable[[dict[str, Any]], object]:
    def change(document: dict[str, Any]) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = to

    return change


WRONG_VALUES = {
    "extra key": edit("more", to=1),
    "missing key": lambda d: d.pop("recipe"),
    "format 0": edit("format", to=0),
    "format as text": edit("format", to="1"),
    "format true": edit("format", to=True),
    "no name": edit("name", to=""),
    "name of two lines": edit("name", to="a\nb"),
    "half a character": edit("name", to="\ud800"),
    "long name": edit("name", to="a" * 201),
    "name as number": edit("name", to=7),
    "classes": edit("classes", to=["0"]),
    "scale": edit("preprocessing", "scale", to=1),
    "road": edit("preprocessing", "road", to="other"),
    "no temperature": edit("temperature", to=None),
    "temperature 0": edit("temperature", to=0),
    "temperature true": edit("temperature", to=True),
    "temperature as text": edit("temperature", to="1"),
    "temperature beyond any float": edit("temperature", to=10**400),
    "thresholds": edit("thresholds", to=[]),
    "threshold as text": edit("thresholds", "confidence", to="1"),
    "recipe": edit("recipe", to=[]),
    "data": edit("data", "mnist-train", to=1),
    "measured": edit("measured", to=None),
    "parameters below 0": edit("parameters", to=-1),
    "parameters 1.5": edit("parameters", to=1.5),
    "golden": edit("golden", to={}),
    "golden images not base64": edit("golden", "images", to="%"),
    "golden images short": edit("golden", "images", to="AAAA"),
    "17 golden images": lambda d: d.update(
        golden={
            "images": base64.b64encode(bytes(17 * 784)).decode(),
            "probabilities": d["golden"]["probabilities"][:1] * 17,
        }
    ),
    "no golden images": edit("golden", to={"images": "", "probabilities": []}),
    "golden probabilities short": edit("golden", "probabilities", to=[[0.1] * 10]),
    "golden probabilities ragged": edit("golden", "probabilities", to=[[0.1], [0.1] * 10]),
    "golden probabilities beyond any float": edit("golden", "probabilities", to=[[10**400] * 10] * 4),
    "golden probabilities text": edit("golden", "probabilities", to=[["a"] * 10] * 4),
}


@pytest.mark.parametrize("change", WRONG_VALUES.values(), ids=WRONG_VALUES.keys())
def test_wrong_metadata_is_refused(model_bytes: bytes, change: Callable[[dict[str, Any]], object]) -> None:
    refused(changed(model_bytes, change), "its metadata")


def test_unsound_json_is_refused(model_bytes: bytes) -> None:
    text = text_of(model_bytes)
    texts = {
        "not JSON": "x",
        "a list": "[]",
        "NaN": text.replace("1.25", "NaN"),
        "infinity": text.replace("1.25", "1e999"),
        "spaces": text.replace(":", ": "),
        "key twice": text.replace('"format":1', '"format":1,"format":1'),
        "number in another form": text.replace("1.25", "1.250"),
        "deep": text.replace('{"epochs":3', '{"epochs":' + "[" * 100_000 + "]" * 100_000),
        "long number": text.replace("6810", "9" * 5000),
        "byte order mark": "\ufeff" + text,
    }
    for name, changed_text in texts.items():
        assert changed_text != text, name
        refused(with_metadata(model_bytes, changed_text), "its metadata")


def test_metadata_as_deep_as_json_is_read_is_refused_or_kept(model_bytes: bytes) -> None:
    """Writing takes a few more frames than reading, so some of it can be read and not be written."""
    text = text_of(model_bytes)
    room = sys.getrecursionlimit() - len(inspect.stack(context=0))
    for depth in range(room - 30, room):
        deep = text.replace('{"epochs":3', '{"epochs":' + "[" * depth + "]" * depth)
        with contextlib.suppress(ModelFileError):
            parse_model(with_metadata(model_bytes, deep), "m.onnx")


def test_exactly_one_metadata_entry(model_bytes: bytes) -> None:
    text = text_of(model_bytes)
    refused(with_metadata(model_bytes), "exactly one metadata entry")
    refused(with_metadata(model_bytes, text, text), "exactly one metadata entry")


def test_a_newer_format_says_what_it_needs(model_bytes: bytes) -> None:
    newer = changed(model_bytes, edit("format", to=FORMAT + 1))
    refused(newer, f"made by a newer Tenfold: it needs format {FORMAT + 1}")
    with_subgraphs = onnx.load_model_from_string(newer)  # whatever else that format may bring
    with_subgraphs.graph.node[0].attribute.append(onnx.helper.make_attribute("body", with_subgraphs.graph))
    refused(with_subgraphs.SerializeToString(), f"needs format {FORMAT + 1}")


def test_a_graph_that_is_not_ours_is_refused(model_bytes: bytes) -> None:
    model = onnx.load_model_from_string(model_bytes)
    model.graph.node[1].op_type = "Tanh"
    refused(seal(model.SerializeToString(), text_of(model_bytes)), "the operator 'Tanh'")


def test_weights_that_answer_otherwise_are_refused(model_bytes: bytes) -> None:
    document = json.loads(text_of(model_bytes))
    first = document["golden"]["probabilities"][0][0]
    within = changed(model_bytes, edit("golden", "probabilities", to=_shifted(document, 5e-5)))
    beyond = changed(model_bytes, edit("golden", "probabilities", to=_shifted(document, 2e-4)))
    open_session(parse_model(within, "m.onnx"))
    assert first != json.loads(text_of(within))["golden"]["probabilities"][0][0]
    refused(beyond, "not give the answers it was saved with")
    refused(changed(model_bytes, edit("golden", "probabilities", to=_shifted(document, float("nan")))))


def _shifted(document: dict[str, Any], by: float) -> list[list[float]]:
    rows = [list(row) for row in document["golden"]["probabilities"]]
    rows[0][0] += by
    return rows


def test_what_the_runtime_refuses_is_a_model_file_error(model_bytes: bytes, capfd: Any) -> None:
    model = replace(parse_model(model_bytes, "m.onnx"), data=b"\x08\x08junk")
    with pytest.raises(ModelFileError, match="ONNX Runtime refuses it"):
        open_session(model)
    assert capfd.readouterr() == ("", "")


def test_resolve(tmp_path: Path, model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "models"
    shipped.mkdir()
    for name in ("baseline", "fast", DEFAULT_MODEL):
        (shipped / f"{name}.onnx").write_bytes(b"")
    run = tmp_path / "run"
    run.mkdir()
    (run / "model.onnx").write_bytes(b"")
    monkeypatch.setattr("tenfold.model.MODELS", shipped)
    monkeypatch.chdir(tmp_path)
    assert list_models() == sorted({"baseline", "fast", DEFAULT_MODEL})
    assert resolve() == resolve(DEFAULT_MODEL) == shipped / f"{DEFAULT_MODEL}.onnx"
    assert resolve("fast") == shipped / "fast.onnx"
    assert resolve(Path("fast")) == Path("fast")  # a path is never a name
    assert resolve(str(model_file)) == resolve(model_file) == model_file
    assert resolve("run") == Path("run/model.onnx")
    assert resolve("absent.onnx") == Path("absent.onnx")
    with pytest.raises(UnknownNameError, match="Did you mean 'fast'"):
        resolve("fats")
    with pytest.raises(ModelFileError, match=r"holds no model\.onnx; give a finished run or a model file"):
        resolve(shipped)
    (tmp_path / "model.onnx").write_bytes(b"")
    assert resolve(".") == Path("model.onnx")
    with pytest.raises(UsageError, match="The name of a model is empty"):
        resolve("")
    with pytest.raises(UsageError, match="by its name, file or folder, not as a Reader"):
        resolve(Reader(model_file))  # type: ignore[arg-type]


def test_a_model_that_the_system_does_not_let_be_looked_for_is_an_error_of_ours() -> None:
    long = "a" * 5_000  # as root may look everywhere: a name too long for any file
    with pytest.raises(UnknownNameError, match="There is no model 'aaa"):
        resolve(long)
    with pytest.raises(DiskError, match="cannot be read: File name too long"):
        read_model(resolve(Path(long)))


def test_every_shipped_model_is_sound() -> None:
    for path in MODELS.glob("*.onnx"):
        model = read_model(path, kind=LINE if path.stem == LINES else DIGIT)
        assert isinstance(model, Model)
        assert model.name == path.stem
        open_session(model)
