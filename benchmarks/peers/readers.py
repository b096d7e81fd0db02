"""Other readers, asked for one digit a picture: their answers are forced to be digits, which favours them.

    rapidocr(PYTHON)    PP-OCR's recognition model, in the environment of that Python: `rapidocr_digits.py`
    tesseract()         the program of that name, one call a picture (apt install tesseract-ocr)

Each gives its name with its version and a function from pictures to digits, -1 where there is no answer, or
raises LookupError where the reader is not installed.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # [h, w] grey or [h, w, 3] RGB
Answers = Callable[[Sequence[Picture]], list[int]]

PEER = Path(__file__).parent / "rapidocr_digits.py"


def rapidocr(python: str) -> tuple[str, Answers]:
    def asked(pictures: Sequence[Picture]) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pictures.npz"
            named = {f"{place:06}": _dark_on_light(picture) for place, picture in enumerate(pictures)}
            np.savez(path, **named)  # type: ignore[arg-type]  # numpy's stubs take them for its own options
            try:
                done = subprocess.run(
                    [python, str(PEER), str(path)], capture_output=True, check=True, text=True
                )
            except (OSError, subprocess.CalledProcessError) as cause:
                told = (getattr(cause, "stderr", None) or str(cause)).strip().splitlines()[-1]
                raise LookupError(f"{python} cannot run it: {told}") from None
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    blank = asked([np.full((28, 28), 255, np.uint8)])
    name = f"RapidOCR {blank['version']}, {blank['model']}"
    return name, lambda pictures: [int(digit) for digit in asked(pictures)["answers"]]


def tesseract() -> tuple[str, Answers]:
    program = shutil.which("tesseract")
    if program is None:
        raise LookupError("tesseract is not installed: apt install tesseract-ocr")
    command = [program, "stdin", "stdout", "--psm", "10", "-c", "tessedit_char_whitelist=0123456789"]

    def answer(picture: Picture) -> int:
        shown = _dark_on_light(picture)
        zoom = max(1.0, 64 / shown.shape[0])
        large = cv2.resize(shown, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
        png = cv2.imencode(".png", np.asarray(large)[..., ::-1])[1].tobytes()
        text = subprocess.run(command, input=png, capture_output=True, check=False).stdout.decode().strip()
        return int(text[0]) if text[:1].isdigit() else -1

    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return told.splitlines()[0].capitalize(), lambda pictures: [answer(picture) for picture in pictures]


def _dark_on_light(picture: Picture) -> Picture:
    rgb = np.stack([picture] * 3, axis=-1) if picture.ndim == 2 else picture
    border = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    return 255 - rgb if np.median(border) < 128 else rgb
