"""How quickly digits are read: one picture, a photograph, a folder.

    python benchmarks/speed.py [photograph] [--write] [--model MODEL] [--files 10000] [--repeat 200]

One picture: a 28 x 28 one that is dark on light and off its centre, so that it takes the whole road, in this
process; the median over many, an array and a PNG file. A photograph: 12 megapixels with 20 digits under
uneven light, as a JPEG file, read several times in each of several processes, which find the modules
compiled; it has a table of its own, and alone is measured if it is named. A folder: small PNGs, what `tenfold
predict FOLDER --json` takes from its start to its end, and whether a fourth of them takes as much memory. All
pictures are made here from the official test digits.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from results import load, markdown_table, measured, save, write_table

from tenfold.data import load_test

Image = NDArray[np.uint8]

PHOTOGRAPHS, PROCESSES = 5, 21  # readings of the photograph in one process, and how many after another
_PEAK = """
def peak():  # MiB; on Linux ru_maxrss would be that of the process that started this one
    try:
        return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) / 2**10
    except OSError:
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
"""
_READ = f"""{_PEAK}
import json, sys, time
from tenfold.reading import Reader
reader, seconds = Reader(sys.argv[2] or None), []
for _ in range(int(sys.argv[3])):
    begin = time.perf_counter()
    digits = len(reader.read(sys.argv[1]).digits)
    seconds.append(time.perf_counter() - begin)
print(json.dumps([digits, seconds, peak()]))
"""
_PREDICT = f"""{_PEAK}
import sys
from tenfold.__main__ import main
try:
    main()
finally:
    print(peak(), file=sys.stderr)
"""


def small(digit: Image) -> Image:
    """As it is seldom given: dark on light, off its centre."""
    return np.asarray(255 - np.roll(digit, (2, 3), (0, 1)), np.uint8)


def photograph(digits: Image) -> Image:
    """BGR [3000, 4000, 3]: paper lit from one side, grain, five digits in each of four lines."""
    light = np.linspace(0.6, 1.05, 4000)[None, :, None] * np.array([200.0, 210.0, 215.0])
    picture = np.broadcast_to(light, (3000, 4000, 3)).astype(np.float32)
    for place, digit in enumerate(digits[:20]):
        ink = cv2.resize(digit, (300, 300), interpolation=cv2.INTER_CUBIC)[..., None] / 255
        y, x = 200 + 700 * (place // 5), 200 + 700 * (place % 5)
        picture[y : y + 300, x : x + 300] *= 1 - 0.75 * ink
    picture += np.random.default_rng(0).normal(0, 3, picture.shape).astype(np.float32)
    return np.asarray(picture.clip(0, 255), np.uint8)


def one_picture(digits: Image, model: str | None, repeat: int, folder: Path) -> dict[str, Any]:
    begin = time.perf_counter()
    from tenfold.reading import Reader

    reader = Reader(model)
    reader.predict([small(digits[0])])
    start = time.perf_counter() - begin
    arrays = [small(digit) for digit in digits[:repeat]]
    files = [folder / f"{place}.png" for place in range(repeat)]
    for path, array in zip(files, arrays, strict=True):
        cv2.imwrite(str(path), array)
    timed: dict[str, Any] = {"start": start}
    for name, pictures in (("as it is", list(digits[:repeat])), ("array", arrays), ("file", files)):
        seconds = []
        for picture in pictures:
            begin = time.perf_counter()
            reader.predict([picture])
            seconds.append(time.perf_counter() - begin)
        timed[name] = median(seconds)
    return timed


def one_photograph(digits: Image, model: str | None, folder: Path) -> dict[str, Any]:
    path = folder / "photograph.jpg"
    cv2.imwrite(str(path), photograph(digits), [cv2.IMWRITE_JPEG_QUALITY, 90])
    words = [sys.executable, "-c", _READ, str(path), model or "", str(PHOTOGRAPHS)]
    compiled = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    compiled.pop("PYTHONDONTWRITEBYTECODE", None)
    measured = [
        json.loads(subprocess.run(words, env=compiled, stdout=subprocess.PIPE, check=True).stdout)
        for _ in range(1 + PROCESSES)
    ][1:]
    found, seconds, peaks = zip(*measured, strict=True)
    return {
        "digits": found[0],
        "first": median(times[0] for times in seconds),
        "seconds": median(later for times in seconds for later in times[1:]),
        "mib": max(peaks),
        "processes": PROCESSES,
    }


def one_folder(digits: Image, model: str | None, count: int, folder: Path) -> dict[str, Any]:
    pictures = folder / f"folder-{count}"
    pictures.mkdir()
    for place in range(count):
        digit = digits[place % len(digits)]
        cv2.imwrite(str(pictures / f"{place:05}.png"), small(digit) if place % 2 else digit)
    words = [sys.executable, "-c", _PREDICT, "predict", str(pictures), "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    with (folder / "answers").open("wb") as answers:
        words += ["--model", model] if model else []
        done = subprocess.run(words, stdout=answers, stderr=subprocess.PIPE, check=True)
    seconds = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"files": count, "seconds": seconds, "busy": busy, "mib": float(done.stderr)}


def megabytes(found: dict[str, Any]) -> float:
    return float(found["mib"]) * 2**20 / 1e6


def write(name: str, record: dict[str, Any]) -> None:
    """Keep what was measured, and put its table into RESULTS.md."""
    save(name, record)
    kept = load(name)
    assert kept is not None
    (_write_photograph if name == "photograph" else _write_small)(kept)


def _write_photograph(photo: dict[str, Any]) -> None:
    rows = [
        ["later in the process", f"{photo['seconds']:.2f} s", ""],
        ["first in the process", f"{photo['first']:.2f} s", "0.5 s"],
        ["peak memory of the process", f"{megabytes(photo):.0f} MB", "300 MB"],
    ]
    table = markdown_table(["12 megapixels with 20 digits, JPEG file", "median", "target"], rows)
    body = (
        f"### How quickly a photograph is read\n\n{table}\n\n"
        f"{photo['digits']} digits were found; {photo['processes']} processes one after another."
    )
    write_table("photograph", f"{body} {measured(photo)}")


def _write_small(record: dict[str, Any]) -> None:
    one, many, quarter = (record[name] for name in ("picture", "folder", "quarter"))
    a_second = many["files"] / many["seconds"]
    rows = [
        ["one 28 x 28 picture, whole road, array", f"{1e3 * one['array']:.2f} ms", "1 ms", "", ""],
        ["the same from a PNG file", f"{1e3 * one['file']:.2f} ms", "", "", ""],
        ["one image of MNIST, as it is", f"{1e3 * one['as it is']:.2f} ms", "", "", ""],
        [
            f"{many['files']:,} small PNGs, `tenfold predict FOLDER --json`",
            f"{many['seconds']:.1f} s, {a_second:,.0f} a second",
            "2,000 a second",
            f"{megabytes(many):.0f} MB; {megabytes(quarter):.0f} MB with {quarter['files']:,}",
            "the same",
        ],
    ]
    table = markdown_table(["what", "time", "target", "peak memory", "target"], rows)
    body = (
        f"### How quickly digits are read\n\n{table}\n\n"
        f"A Reader is ready {one['start']:.2f} s after its import begins; the folder kept "
        f"{many['busy'] / many['seconds']:.1f} cores busy, and its memory is that of the process that hands "
        "out the work, without its workers."
    )
    write_table("speed", f"{body} {measured(record)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="?", choices=["photograph"], help="measure a photograph alone")
    parser.add_argument("--model", help="a shipped model, a model file or a run folder")
    parser.add_argument("--files", type=int, default=10_000, help="pictures in the folder")
    parser.add_argument("--repeat", type=int, default=200, help="readings of one picture")
    parser.add_argument("--write", action="store_true", help="keep the figures and write the table")
    options = parser.parse_args()
    digits = load_test().images
    with tempfile.TemporaryDirectory() as folder:
        records = {"photograph": one_photograph(digits, options.model, Path(folder))}
        if options.only is None:
            records["speed"] = {
                "picture": one_picture(digits, options.model, options.repeat, Path(folder)),
                "folder": one_folder(digits, options.model, options.files, Path(folder)),
                "quarter": one_folder(digits, options.model, options.files // 4, Path(folder)),
                "cores": os.cpu_count(),
            }
    print(json.dumps(records, indent=1))
    if options.write:
        for name, record in records.items():
            write(name, record)


if __name__ == "__main__":
    main()
