"""The model file: one ONNX file with its metadata inside, checked whole before anything of it is run.

    model = read_model(resolve("baseline"))     # bytes, checksum and metadata; no ONNX Runtime needed
    session = open_session(model, threads=1)    # checked against its own golden answers

The metadata is canonical JSON under the key "tenfold". Its first entry is the SHA-256 of the whole file with
those 64 digits as zeros, so one flipped bit anywhere is found. The file is a pure function of weights, recipe
and fitted numbers: no date, host or path.
"""

import base64
import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tenfold import onnx_check, onnx_wire
from tenfold.data.preprocess import preprocess
from tenfold.errors import ModelFileError, UnknownNameError, UsageError, refuse_empty
from tenfold.files import exists, is_folder, read_bounded, sha256
from tenfold.kinds import DIGIT, KINDS, Kind

if TYPE_CHECKING:
    import onnxruntime

FORMAT = 1
KEY = "tenfold"  # of the metadata within the ONNX file
GOLDEN_TOLERANCE = 1e-4  # in probability; ONNX Runtime on other processors differs by 1e-6
INT8_TOLERANCE = 0.01  # where a sum is half-way between two whole numbers, kernels differ: seen, by 0.004
GOLDEN_LIMIT = 16  # images, each of which may cost what onnx_check allows
SIZE_LIMIT = 64 * 2**20
DEFAULT_MODEL = "reader-int8"
MODELS = Path(__file__).parent / "models"
LINES = "lines"  # the shipped model of whole lines, which `Reader.read` asks beside one of single digits

_ZEROS = "0" * 64
_CHECKSUM_AT = len('{"checksum":"')


@dataclass(frozen=True)
class Metadata:
    """What a model file says of itself. `measured` maps a set to its results, `data` one to its checksum."""

    name: str
    temperature: float
    parameters: int
    golden_images: NDArray[np.uint8] = field(compare=False)  # [k, 28, 28], ink bright, k at most GOLDEN_LIMIT
    golden_probabilities: NDArray[np.float64] = field(compare=False)  # [k, 10]; of lines, as `kind` says
    thresholds: Mapping[str, float] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)
    precision: str = "float32"  # one of onnx_check.PRECISIONS; a float32 file does not say it
    kind: Kind = DIGIT

    @property
    def tolerance(self) -> float:
        """By how much the golden answers may be off."""
        return INT8_TOLERANCE if self.precision == "int8" else GOLDEN_TOLERANCE

    def to_json(self) -> str:
        """Canonical JSON with zeros for the checksum. Raises ValueError for NaN, TypeError for odd types."""
        images = base64.b64encode(self.golden_images.tobytes()).decode()
        return _canonical(
            {
                "checksum": _ZEROS,
                "classes": self.kind.classes,
                "data": self.data,
                "format": FORMAT,
                "golden": {"images": images, "probabilities": self.golden_probabilities.tolist()},
                "measured": self.measured,
                "name": self.name,
                "parameters": self.parameters,
                **({} if self.precision == "float32" else {"precision": self.precision}),
                "preprocessing": self.kind.preprocessing,
                "recipe": self.recipe,
                "temperature": self.temperature,
                "thresholds": self.thresholds,
            }
        )


@dataclass(frozen=True)
class Model:
    """A checked model file: `data` its bytes, `sha256` what identifies it."""

    data: bytes = field(repr=False)
    sha256: str
    metadata: Metadata
    source: str  # the file's name, for messages

    @property
    def name(self) -> str:
        return self.metadata.name

    def listed(self, name: str, default: str) -> dict[str, Any]:
        """What lists of models say of it; `name` is what it goes by there, `default` the default's name."""
        facts = {"parameters": self.metadata.parameters, "bytes": len(self.data), "sha256": self.sha256}
        about = {"name": name, "default": name == default, "reads": self.metadata.kind.reads}
        return {**about, **facts, "measured": dict(self.metadata.measured)}


def list_models(*, lines: bool = False) -> list[str]:
    """The names of the shipped models, sorted: of single digits, and of whole `lines` if that is wanted."""
    return sorted(path.stem for path in MODELS.glob("*.onnx") if lines or path.stem != LINES)


def read_card(name: str) -> str:
    """The card of a shipped model, as Markdown: data, recipe, figures, limits. Raises UnknownNameError."""
    if name not in list_models(lines=True):
        raise UnknownNameError("shipped model", name, list_models(lines=True))
    return (MODELS / f"{name}.md").read_text("utf-8")


def resolve(model: str | os.PathLike[str] | None = None) -> Path:
    """The file of a shipped model's name, of a model file or of a run folder; None is the shipped default.

    Raises UnknownNameError for a word that is neither a name nor a file, UsageError for an empty one or a
    Reader, ModelFileError for a folder that holds no model, DiskError for one that may not be looked into.
    """
    if not isinstance(model, str | os.PathLike | None):
        raise UsageError(f"A model is given by its name, file or folder, not as a {type(model).__name__}.")
    refuse_empty("The name of a model", model)
    if model is None or (isinstance(model, str) and model in list_models(lines=True)):
        return MODELS / f"{model or DEFAULT_MODEL}.onnx"
    path = Path(model)
    if is_folder(path):
        if exists(path / "model.onnx"):
            return path / "model.onnx"
        raise ModelFileError(f"The folder '{path}' holds no model.onnx; give a finished run or a model file.")
    if isinstance(model, str) and path.name == model and not path.suffix and not exists(path):
        raise UnknownNameError("model", model, list_models())
    return path


def read_model(
    path: str | os.PathLike[str], *, size_limit: int = SIZE_LIMIT, kind: Kind | None = DIGIT
) -> Model:
    """Read and check a model file; nothing of it is run, and ONNX Runtime is not imported.

    Raises ModelFileError for whatever is not a sound model file of this format and `kind` (None: of any), and
    DiskError where the system refuses to read.
    """
    return parse_model(read_bounded(path, size_limit, ModelFileError, "The model file"), str(path), kind)


def parse_model(data: bytes, source: str, kind: Kind | None = DIGIT) -> Model:
    """`read_model` for bytes at hand; `source` names them in messages."""
    try:
        message = onnx_wire.parse(data)
        text = _metadata_text(message)
        metadata = _metadata(text)
        if _file_checksum(data, text) != text[_CHECKSUM_AT : _CHECKSUM_AT + 64]:
            raise ModelFileError("its checksum is wrong, so it was damaged or changed")
        if kind not in (None, metadata.kind):
            raise ModelFileError(f"it reads {metadata.kind.reads} and not {kind.reads}")
        onnx_check.check(message, metadata.precision, metadata.kind)
    except ModelFileError as cause:
        raise ModelFileError(f"The model file '{source}' cannot be used: {cause}.") from None
    return Model(data, sha256(data), metadata, source)


def seal(data: bytes, text: str) -> bytes:
    """The file `data`, which holds the metadata `text`, with its checksum put in. For the writer."""
    at = data.rindex(text.encode()) + _CHECKSUM_AT
    return data[:at] + _file_checksum(data, text).encode() + data[at + 64 :]


def open_session(model: Model, threads: int = 1) -> "onnxruntime.InferenceSession":
    """An ONNX Runtime session, after its golden answers were checked; `threads` share the work within one
    call.

    Input "images" float32 [n, 1, 28, 28] in 0..1; outputs "probabilities" and "logits" float32 [n, 10].
    Raises ModelFileError where the answers are off by more than the model's `tolerance`.
    """
    session = unchecked_session(model, threads)
    try:
        found = probabilities(session, model.metadata.golden_images)
    except Exception:  # an operator may look at its constants only now; its exceptions share no base
        raise _refused(model) from None
    if not np.abs(found - model.metadata.golden_probabilities).max() <= model.metadata.tolerance:
        raise _refused(model, "it does not give the answers it was saved with")
    return session


def probabilities(session: "onnxruntime.InferenceSession", images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[n, 10] of `images` uint8 [n, 28, 28], ink bright, in one call."""
    (found,) = session.run(["probabilities"], {onnx_check.INPUT: preprocess(images)})
    return np.asarray(found)


def unchecked_session(model: Model, threads: int = 1) -> "onnxruntime.InferenceSession":
    """The same without its golden answers: for whoever is to make those."""
    import onnxruntime  # 0.1 to 0.3 s: not for those who only read metadata

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # nothing but what ends the process
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave the core
    try:
        return onnxruntime.InferenceSession(model.data, options, providers=["CPUExecutionProvider"])
    except Exception:  # its exceptions share no base of their own
        raise _refused(model) from None


def _refused(model: Model, why: str = "ONNX Runtime refuses it") -> ModelFileError:
    return ModelFileError(f"The model file '{model.source}' cannot be used: {why}.")


def _canonical(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _file_checksum(data: bytes, text: str) -> str:
    at = data.rindex(text.encode()) + _CHECKSUM_AT
    digest = hashlib.sha256(memoryview(data)[:at])
    digest.update(_ZEROS.encode())
    digest.update(memoryview(data)[at + 64 :])
    return digest.hexdigest()


def _metadata_text(message: onnx_wire.ModelMessage) -> str:
    if [key for key, _ in message.metadata] != [KEY]:
        raise ModelFileError("it must have exactly one metadata entry, 'tenfold'")
    return message.metadata[0][1]


def _metadata(text: str) -> Metadata:
    try:
        document = _object(json.loads(text))
    except (ValueError, TypeError, RecursionError):
        raise ModelFileError("its metadata is not a JSON object") from None
    version = document.get("format")
    if type(version) is int and version > FORMAT:
        raise ModelFileError(
            f"it was made by a newer Tenfold: it needs format {version}, and this one knows {FORMAT}"
        )
    try:
        metadata = _from_document(document)
        canonical = metadata.to_json()
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        raise ModelFileError("its metadata is incomplete or has a wrong value") from None
    if canonical != text[:_CHECKSUM_AT] + _ZEROS + text[_CHECKSUM_AT + 64 :]:
        raise ModelFileError("its metadata is not as Tenfold writes it")
    return metadata


def _from_document(document: dict[str, Any]) -> Metadata:
    """Raises KeyError, TypeError, ValueError, OverflowError; the caller finds what is not canonical."""
    golden = document["golden"]
    kind = KINDS[document["preprocessing"]["road"]]
    pixels = np.frombuffer(base64.b64decode(golden["images"], validate=True), np.uint8)
    images = pixels.reshape(-1, *kind.golden_image)
    probabilities = np.array(golden["probabilities"], np.float64)
    if not 0 < len(images) <= GOLDEN_LIMIT or probabilities.shape != (len(images), *kind.golden_answer):
        raise ValueError("golden answers")
    metadata = Metadata(
        name=_text(document["name"]),
        temperature=_number(document["temperature"]),
        parameters=document["parameters"],
        golden_images=images,
        golden_probabilities=probabilities,
        thresholds={_text(k): _number(v) for k, v in _object(document["thresholds"]).items()},
        recipe=_object(document["recipe"]),
        data={_text(k): _text(v) for k, v in _object(document["data"]).items()},
        measured=_object(document["measured"]),
        precision=document.get("precision", "float32"),
        kind=kind,
    )
    if type(metadata.parameters) is not int or metadata.parameters < 0 or metadata.temperature <= 0:
        raise ValueError("parameters or temperature")
    if metadata.precision not in onnx_check.PRECISIONS:
        raise ValueError("precision")
    return metadata


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= 200:
        raise ValueError("text")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError("number")
    return value  # type: ignore[no-any-return]


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("object")
    return value
