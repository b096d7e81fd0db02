"""PP-OCR's recognition model, as the package rapidocr bundles it, asked for one digit a picture.

Runs in an environment of its own (pip install rapidocr onnxruntime opencv-python-headless):

    python rapidocr_digits.py PICTURES.npz

PICTURES.npz holds RGB pictures uint8 [h, w, 3], dark on light, in the order of their names. Prints one JSON
line: the version of the package, the model, and for each picture the digit that scores best anywhere on it.
The answer is forced to be one of the ten, which favours the model.
"""

import json
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

HEIGHT, WIDTH = 48, 320  # of PP-OCR's input; a narrower picture is padded with grey, which it does best on

path = sorted((Path(find_spec("rapidocr").origin).parent / "models").glob("*rec*.onnx"))[-1]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(path, options)
characters = session.get_modelmeta().custom_metadata_map["character"].splitlines()
columns = [1 + characters.index(digit) for digit in "0123456789"]  # 0 is the blank of CTC


def answer(picture):
    width = max(1, round(picture.shape[1] * HEIGHT / picture.shape[0]))
    line = np.zeros((HEIGHT, max(width, WIDTH), 3), np.float32)
    line[:, :width] = cv2.resize(picture, (width, HEIGHT)).astype(np.float32) / 127.5 - 1
    bgr = line.transpose(2, 0, 1)[None, ::-1].copy()
    scores = session.run(None, {session.get_inputs()[0].name: bgr})[0]
    return int(scores[0][:, columns].max(axis=0).argmax())


with np.load(sys.argv[1]) as pictures:
    answers = [answer(pictures[name]) for name in pictures.files]
print(json.dumps({"version": version("rapidocr"), "model": path.stem, "answers": answers}))
