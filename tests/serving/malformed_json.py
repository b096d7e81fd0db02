"""Bodies of JSON that are wrong, after JSONTestSuite's `n_` and `i_` and our own: each with its path and the
status that it must get."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

PREDICT, INFER = "/v1/predict", "/v2/models/reader-int8/infer"


class Case(NamedTuple):
    name: str
    path: str
    body: bytes
    status: int = 400


def _pixels(text: str) -> bytes:
    return b'{"pixels":' + text.encode() + b"}"


def _infer(**changes: Any) -> bytes:
    """A sound request, with fields of its tensor replaced; None leaves one out."""
    tensor = {"name": "images", "datatype": "FP32", "shape": [1, 1, 28, 28], "data": [0] * 784, **changes}
    return json.dumps(
        {"inputs": [{key: value for key, value in tensor.items() if value is not None}]}
    ).encode()


def _around(**fields: Any) -> bytes:
    """A sound tensor, with other fields of the request beside it."""
    return json.dumps({**json.loads(_infer()), **fields}).encode()


SOUND = _pixels("[[0,255,0],[0,255,0],[0,255,0]]")


def cases() -> Iterator[Case]:
    for name, body in _syntax():
        yield Case(f"predict {name}", PREDICT, body)
    for name, text in _pixel_values():
        yield Case(f"predict pixels {name}", PREDICT, _pixels(text))
    for name, body in _tensors():
        yield Case(f"infer {name}", INFER, body)
    yield Case("predict sound with spaces", PREDICT, b" \n\t" + SOUND + b"\r\n ", 200)
    yield Case("predict sound, key escaped", PREDICT, SOUND.replace(b"pixels", b"p\\u0069xels"), 200)
    yield Case("infer sound", INFER, _infer(), 200)
    yield Case("infer sound, nested", INFER, _infer(data=[[[[0] * 28] * 28]]), 200)
    yield Case("infer sound, exponent", INFER, _infer().replace(b"[0, 0", b"[1e-400, 5E-1", 1), 200)
    yield Case("infer 2 MB", PREDICT, b" " * (2 << 20) + SOUND, 413)


def _syntax() -> Iterator[tuple[str, bytes]]:
    yield "nothing", b""
    yield "only spaces", b"  "
    yield "byte order mark", b"\xef\xbb\xbf" + SOUND
    yield "UTF-16", SOUND.decode().encode("utf-16")
    yield "UTF-32", SOUND.decode().encode("utf-32")
    yield "bad UTF-8", b'{"pixels":"\xff"}'
    yield "overlong UTF-8", b'{"\xc0\xaf":1}'
    yield "half a character", b'{"\\ud800":1}'
    yield "NUL", SOUND + b"\0"
    yield "NUL inside", SOUND.replace(b",", b"\0", 1)
    yield "open", b"{"
    yield "unclosed", SOUND[:-1]
    yield "closed twice", SOUND + b"}"
    yield "two documents", SOUND + SOUND
    yield "array", b"[1]"
    yield "number", b"7"
    yield "string", b'"7"'
    yield "null", b"null"
    yield "NaN", b"NaN"
    yield "trailing comma", b'{"pixels":[[0,1],],}'
    yield "single quotes", b"{'pixels':[[0]]}"
    yield "unquoted key", b"{pixels:[[0]]}"
    yield "comment", b"/* */" + SOUND
    yield "colon missing", b'{"pixels" [[0]]}'
    yield "twice the same key", b'{"pixels":[[0]],"pixels":[[1]]}'
    yield "twice, one escaped", b'{"pixels":[[0]],"p\\u0069xels":[[1]]}'
    yield "unknown key", b'{"pixels":[[0]],"model":"/etc/passwd"}'
    yield "pixels missing", b"{}"
    yield "control character", b'{"pixels\n":1}'
    yield "bad escape", b'{"\\x":1}'
    yield "bad \\u", b'{"\\u00g0":1}'
    yield "deep lists", b'{"pixels":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    yield "deep objects", b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    yield "unclosed deep lists", b"[" * 99_999
    yield "many small lists", b'{"pixels":[' + b"[]," * 200_000 + b"[]]}"
    yield "pickle", b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x07builtins\x94."


def _pixel_values() -> Iterator[tuple[str, str]]:
    yield "null", "null"
    yield "string", '"000"'
    yield "object", "{}"
    yield "empty", "[]"
    yield "empty row", "[[]]"
    yield "flat", "[0,255]"
    yield "ragged", "[[0,1],[0]]"
    yield "ragged deeper", "[[[0,1,2],[0,1,2]],[[0,1,2]]]"
    yield "row and number", "[[0,1],7]"
    yield "five deep", "[[[[[0]]]]]"
    yield "two channels", "[[[0,1]]]"
    yield "four channels", "[[[0,1,2,3]]]"
    yield "-1", "[[-1]]"
    yield "256", "[[256]]"
    yield "2^63", "[[9223372036854775808]]"
    yield "2^64", "[[18446744073709551616]]"
    yield "0.5", "[[0.5]]"
    yield "1.0", "[[1.0]]"
    yield "1e2", "[[1e2]]"
    yield "1e400", "[[1e400]]"
    yield "NaN", "[[NaN]]"
    yield "Infinity", "[[-Infinity]]"
    yield "true", "[[true]]"
    yield "null inside", "[[null]]"
    yield "string inside", '[["7"]]'
    yield "5,000 digits", "[[" + "9" * 5_000 + "]]"
    yield "leading zero", "[[007]]"
    yield "plus", "[[+7]]"
    yield "hexadecimal", "[[0x7]]"
    yield "bare minus", "[[-]]"
    yield "bare point", "[[1.]]"


def _tensors() -> Iterator[tuple[str, bytes]]:
    yield "inputs missing", b"{}"
    yield "no input", _around(inputs=[])
    yield "inputs an object", _around(inputs={})
    yield "two inputs", _around(inputs=json.loads(_infer())["inputs"] * 2)
    yield "input null", _around(inputs=[None])
    yield "another name", _infer(name="pixels")
    yield "name a number", _infer(name=7)
    yield "another datatype", _infer(datatype="INT8")
    yield "datatype missing", _infer(datatype=None)
    yield "datatype a list", _infer(datatype=["FP32"])
    yield "shape missing", _infer(shape=None)
    yield "shape []", _infer(shape=[], data=[])
    yield "shape [784]", _infer(shape=[784])
    yield "shape [0,1,28,28]", _infer(shape=[0, 1, 28, 28], data=[])
    yield "shape [-1,1,28,28]", _infer(shape=[-1, 1, 28, 28])
    yield "shape [2,1,28,28] for one", _infer(shape=[2, 1, 28, 28])
    yield "shape of floats", _infer(shape=[1.0, 1, 28, 28])
    yield "shape of true", _infer(shape=[True, 1, 28, 28])
    yield "shape of strings", _infer(shape=["1", "1", "28", "28"])
    yield "shape [2^63,1,28,28]", _infer(shape=[2**63, 1, 28, 28])
    yield "shape whose product overflows", _infer(shape=[2**62, 2**62, 2**62, 2**62])
    yield "shape of 1,000 axes", _infer(shape=[1] * 1_000)
    yield "a million rows", _infer(shape=[10**6, 1, 28, 28])
    yield "data missing", _infer(data=None)
    yield "data a string", _infer(data="0" * 784)
    yield "data one short", _infer(data=[0] * 783)
    yield "data one long", _infer(data=[0] * 785)
    yield "data empty", _infer(data=[])
    yield "data ragged", _infer(data=[[[[0] * 28] * 27 + [[0] * 27]]])
    yield "data nested otherwise", _infer(data=[[0] * 28] * 28)
    yield "data of strings", _infer(data=["0"] * 784)
    yield "data of booleans", _infer(data=[True] * 784)
    yield "data of nulls", _infer(data=[None] * 784)
    yield "data NaN", _infer(data=[float("nan")] * 784)
    yield "data infinite", _infer(data=[float("inf")] * 784)
    yield "data 1e400", _infer().replace(b"[0, 0", b"[1e400, 0", 1)
    yield "data 1e39", _infer(data=[1e39] * 784)
    yield "data -1e-9", _infer(data=[-1e-9] * 784)
    yield "data 1.5", _infer(data=[1.5] * 784)
    yield "data of 255", _infer(data=[255] * 784)
    yield "bytes announced and not there", _infer(data=None, parameters={"binary_data_size": 3_136})
    yield "bytes and data", _infer(parameters={"binary_data_size": 0})
    yield "negative bytes", _infer(data=None, parameters={"binary_data_size": -1})
    yield "bytes true", _infer(data=None, parameters={"binary_data_size": True})
    yield "parameters a list", _infer(parameters=[])
    yield "id a number", _around(id=7)
    yield "id of 300", _around(id="7" * 300)
    yield "id half a character", _infer()[:-1] + b',"id":"\\ud83d"}'
    yield "unknown output", _around(outputs=[{"name": "labels"}])
    yield "an output twice", _around(outputs=[{"name": "logits"}] * 2)
    yield "outputs a string", _around(outputs="logits")
    yield "output a string", _around(outputs=["logits"])
    yield "output's name a list", _around(outputs=[{"name": []}])
    yield "binary_data a number", _around(outputs=[{"name": "logits", "parameters": {"binary_data": 1}}])
    yield "binary_data_output a string", _around(parameters={"binary_data_output": "yes"})
    yield "classification", _around(outputs=[{"name": "logits", "parameters": {"classification": 3}}])
