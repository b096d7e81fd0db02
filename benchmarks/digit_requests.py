"""Requests of one digit each, as they go over the wire, with the answer that `Reader` gives to it."""

import cv2
import numpy as np
from numpy.typing import NDArray
from open_loop import Asked

from tenfold import Reader, load_mnist

COUNT = 200


def png(picture: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", picture)[1])


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A whole request with its body."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def digits(model: str | None = None, *, count: int = COUNT, path: str = "/v1/predict") -> list[Asked]:
    """Official test digits as PNG files of about 300 bytes, each wanting the label that `model` gives."""
    images = load_mnist().test.images[:count]
    labels = [answer.label for answer in Reader(model, threads=1).predict(list(images))]
    return [
        Asked(post(path, png(image), "Content-Type: image/png"), b'"label":%d,' % label)
        for image, label in zip(images, labels, strict=True)
    ]


def cut_picture() -> Asked:
    """A picture whose second half is missing, to be refused with 400."""
    whole = png(load_mnist().test.images[0])
    return Asked(post("/v1/predict", whole[: len(whole) // 2], "Content-Type: image/png"))
