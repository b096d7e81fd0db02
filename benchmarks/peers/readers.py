"""Other readers, asked for one digit a picture: their answers are forced to be digits, which favours them.

    rapidocr()     PP-OCR's recognition model, as the package rapidocr bundles it (pip install rapidocr)
    tesseract()    the program of that name, one call a picture (apt install tesseract-ocr)

Each gives a function from pictures to digits, -1 where there is no answer, or raises LookupError where the
reader is not installed.
"""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # [h, w] grey or [h, w, 3] RGB
Answers = Callable[[Sequence[Picture]], list[int]]

_HEIGHT, _WIDTH = 48, 320  # of PP-OCR's input; a narrower picture is padded with grey, which it does best on


def rapidocr() -> Answers:
    spec = find_spec("rapidocr")
    files = sorted(Path(spec.origin or "").parent.glob("models/*rec*.onnx")) if spec else []
    if not files:
        raise LookupError("rapidocr is not installed: pip install rapidocr")
    import onnxruntime

    session = onnxruntime.InferenceSession(files[0])
    characters = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    columns = [1 + characters.index(digit) for digit in "0123456789"]  # 0 is the blank of CTC

    def answer(picture: Picture) -> int:
        shown = _dark_on_light(picture)
        width = max(1, round(shown.shape[1] * _HEIGHT / shown.shape[0]))
        line = np.zeros((_HEIGHT, max(width, _WIDTH), 3), np.float32)
        line[:, :width] = cv2.resize(shown, (width, _HEIGHT)).astype(np.float32) / 127.5 - 1
        scores: Any = session.run(None, {"x": line.transpose(2, 0, 1)[None, ::-1].copy()})[0]
        return int(scores[0][:, columns].max(axis=0).argmax())

    return lambda pictures: [answer(picture) for picture in pictures]


def tesseract() -> Answers:
    program = shutil.which("tesseract")
    if program is None:
        raise LookupError("tesseract is not installed: apt install tesseract-ocr")
    command = [program, "stdin", "stdout", "--psm", "10", "-c", "tessedit_char_whitelist=0123456789"]

    def answer(picture: Picture) -> int:
        shown = _dark_on_light(picture)
        zoom = max(1.0, 64 / shown.shape[0])
        large = cv2.resize(shown, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
        png = cv2.imencode(".png", large)[1].tobytes()
        text = subprocess.run(command, input=png, capture_output=True, check=False).stdout.decode().strip()
        return int(text[0]) if text[:1].isdigit() else -1

    return lambda pictures: [answer(picture) for picture in pictures]


def _dark_on_light(picture: Picture) -> Picture:
    rgb = np.stack([picture] * 3, axis=-1) if picture.ndim == 2 else picture
    border = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    return 255 - rgb if np.median(border) < 128 else rgb
