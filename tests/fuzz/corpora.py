"""The seeds that fuzzing starts from, made by code: small sound files of every kind, and damaged ones."""

import gzip
import json
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tests.images.corpus import bad_files, bad_pngs, chunk, header, png

from tenfold.data.idx import CODES, write_idx

LARGEST = 4_096  # bytes of a seed


def idx() -> dict[str, bytes]:
    images = np.arange(784, dtype=np.uint16).astype(np.uint8).reshape(1, 28, 28)
    files = {f"{dtype}": write_idx(np.arange(6).reshape(2, 3).astype(dtype)) for dtype in CODES}
    files |= {"images": write_idx(images), "labels": write_idx(np.arange(10, dtype=np.uint8)), "empty": b""}
    files["none"] = write_idx(np.empty((0, 28, 28), np.uint8))
    packed = {f"{name}.gz": gzip.compress(data, mtime=0) for name, data in files.items()}
    return files | packed | {"two members": packed["labels.gz"] * 2, "page": b"<html>404</html>"}


def picture() -> dict[str, bytes]:
    plane = np.full((24, 20), 235, np.uint8)
    plane[4:20, 9:12] = 20
    found = dict(bad_files(plane)) | dict(bad_pngs(plane)) | _pngs(plane)
    for kind, options in (
        ("BMP", {}),
        ("GIF", {}),
        ("JPEG", {"quality": 60}),
        ("JPEG", {"progressive": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", {"compression": "packbits"}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 50}),
    ):
        for mode in ("L", "RGB"):
            name = "-".join([kind, mode, *map(str, options.values())])
            found[name.lower()] = _encoded(Image.fromarray(plane).convert(mode), kind, **options)
    found["cmyk"] = _encoded(Image.fromarray(plane).convert("CMYK"), "JPEG")
    found["float"] = _encoded(Image.fromarray(plane.astype(np.float32)), "TIFF")
    found["group-4"] = _encoded(Image.fromarray(plane).convert("1"), "TIFF", compression="group4")
    return {name: data for name, data in found.items() if len(data) <= LARGEST}


def _pngs(plane: NDArray[np.uint8]) -> dict[str, bytes]:
    image = Image.fromarray(plane)
    found = {
        f"png-{mode}": _encoded(image.convert(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")
    }
    found["png-16"] = _encoded(Image.fromarray(plane.astype(np.uint16) * 257), "PNG")
    found["png-transparent"] = _encoded(image.convert("P"), "PNG", transparency=0)
    exif = Image.Exif()
    exif[0x0112] = 6
    found["png-turned"] = _encoded(image, "PNG", exif=exif)
    interlaced = chunk(b"IHDR", header(2, 2, 8, 0, 0, 0, 1))
    found["png-interlaced"] = png(plane, ihdr=interlaced, idat=zlib.compress(b"\0\1\0\2\0\3\4"))
    return found


def model() -> dict[str, bytes]:
    """Models of a few hundred weights, with each operator that a model file may have."""
    import torch
    from torch import nn

    from tenfold.harness.quantise import quantise
    from tenfold.model import parse_model
    from tenfold.training.export import export, golden_patterns
    from tenfold.training.layers import GlobalPool, Residual
    from tenfold.training.networks import Network

    found = {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for name, layers in {
            "plain": [nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(13), nn.Flatten(), nn.Linear(8, 10)],
            "pooled": [nn.Conv2d(1, 3, 5, stride=3), Residual(nn.ReLU()), GlobalPool(), nn.Linear(6, 10)],
            "mean": [nn.AvgPool2d(14), nn.Flatten(), nn.Linear(4, 10, bias=False)],
        }.items():
            found[name] = export(Network(*layers), name=name, golden_images=golden_patterns()[:1])
    floats = parse_model(found["plain"], "plain")
    found["integers"] = quantise(floats, golden_patterns(), name="integers")
    return found


def request() -> dict[str, bytes]:
    """Bodies of both protocols, and JSON that is none or not enough."""
    images = {"name": "images", "datatype": "FP32", "shape": [1, 1, 28, 28]}
    flat = [round(place / 784, 2) for place in range(784)]
    raw = np.asarray(flat, "<f4").tobytes()
    binary = {"inputs": [images | {"parameters": {"binary_data_size": len(raw)}}]}
    asked = {"outputs": [{"name": "logits", "parameters": {"binary_data": True}}, {"name": "probabilities"}]}
    bodies: dict[str, Any] = {
        "grey": {"pixels": [[0, 255], [7, 9]]},
        "rgb": {"pixels": [[[0, 1, 2], [255, 254, 253]]]},
        "flat": {"id": "a-1", "inputs": [images | {"data": flat}]},
        "nested": {"inputs": [images | {"data": [[np.reshape(flat, (28, 28)).tolist()]]}]} | asked,
    }
    texts = {
        "nan": b'{"pixels": [[NaN]]}',
        "too large": b'{"pixels": [[1e400]]}',
        "long number": b'{"pixels": [[' + b"9" * 3_000 + b"]]}",
        "deep": b'{"pixels": ' + b"[" * 1_500 + b"]" * 1_500 + b"}",
        "twice": b'{"pixels": [[1]], "pixels": [[2]]}',
        "half a character": b'{"id": "\\ud800", "inputs": []}',
        "not UTF-8": b'{"id": "\xff"}',
        "byte order mark": b'\xef\xbb\xbf{"pixels": [[1]]}',
        "a list": b"[]",
        "empty": b"",
        "raw": json.dumps(binary | asked).encode() + raw,
    }
    return {name: json.dumps(body).encode() for name, body in bodies.items()} | texts


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
