"""Installs a wheel alone, without extras, into an empty environment and reads digits with it there.

    python scripts/check_wheel.py dist/tenfold-0.1.0-py3-none-any.whl

Ends with one line of figures, or with one sentence and exit code 1: the wheel is over its size, lacks a file,
brings torch along, takes too much disk, or `tenfold predict` mistakes too many MNIST test digits.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

WHEEL_MB = 18
DISK_MB = 400
PICTURES = 100
MISTAKES = 5
MB = 1_000_000
NEEDED = {"data/embedded/*.gz": 4, "data/embedded/LICENSE": 1, "models/*.onnx": 1, "py.typed": 1}

# Run by the installed package: the first images of the official test set as pictures, 000-7.png and so on.
WRITE_DIGITS = """
import sys
from pathlib import Path
from PIL import Image
from tenfold import load_mnist
test = load_mnist().test
for index in range(int(sys.argv[2])):
    name = f"{index:03}-{test.labels[index]}.png"
    Image.fromarray(test.images[index]).save(Path(sys.argv[1]) / name)
"""

# Run by the installed package: every module that reading may import, then what torch has to do with it.
FIND_TORCH = """
import importlib.util, sys, tenfold
tenfold.Reader()
print(importlib.util.find_spec("torch") is not None or "torch" in sys.modules)
"""


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("one wheel is wanted: python scripts/check_wheel.py WHEEL")
    wheel = Path(sys.argv[1]).resolve()
    wheel_mb = wheel.stat().st_size / MB
    check(wheel_mb <= WHEEL_MB, f"the wheel has {wheel_mb:.1f} MB, over {WHEEL_MB}")
    check_contents(wheel)
    with tempfile.TemporaryDirectory() as folder:
        python = install(wheel, Path(folder) / "empty")
        check(run(python, "-c", FIND_TORCH) == "False\n", "torch is there without the extra 'train'")
        seconds, right = read_digits(python, Path(folder))
        disk_mb = sum(path.stat().st_size for path in site_packages(python).rglob("*") if path.is_file()) / MB
    check(disk_mb <= DISK_MB, f"the installation takes {disk_mb:.0f} MB, over {DISK_MB}")
    print(
        f"wheel {wheel_mb:.1f} MB (limit {WHEEL_MB}), site-packages {disk_mb:.0f} MB (limit {DISK_MB}), "
        f"no torch; tenfold predict: {right} of {PICTURES} right, one picture in {seconds:.2f} s in all"
    )


def check(holds: bool, failure: str) -> None:
    if not holds:
        raise SystemExit(f"check_wheel: {failure}")


def check_contents(wheel: Path) -> None:
    """The wheel holds every file of src/tenfold, its data among them, and beside its own records no more."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    source = {str(path.relative_to("src")) for path in Path("src/tenfold").rglob("*") if path.is_file()}
    source = {name for name in source if "__pycache__" not in name}
    check(names == source, f"the wheel and src/tenfold differ in {', '.join(sorted(names ^ source)[:5])}")
    for pattern, least in NEEDED.items():
        found = sum(Path(name).match(f"tenfold/{pattern}") for name in names)
        check(found >= least, f"the wheel has {found} of tenfold/{pattern}, fewer than {least}")


def install(wheel: Path, folder: Path) -> Path:
    """Makes an environment of the wheel and its needs, without even pip, and returns its interpreter."""
    run(Path(sys.executable), "-m", "venv", "--without-pip", str(folder))
    python = folder / "bin" / "python"
    pip = ("-m", "pip", "--python", str(python), "install", "--quiet", "--constraint", "constraints.txt")
    run(Path(sys.executable), *pip, str(wheel))
    return python


def read_digits(python: Path, folder: Path) -> tuple[float, int]:
    """Seconds that `tenfold predict` takes for one picture, start included, and how many of all are right."""
    run(python, "-c", WRITE_DIGITS, str(folder), str(PICTURES))
    pictures = sorted(str(path) for path in folder.glob("*.png"))
    predict = (python.with_name("tenfold"), "predict", "--json")
    run(*predict, pictures[0])  # the first start reads every file from disk
    start = time.perf_counter()
    run(*predict, pictures[0])
    seconds = time.perf_counter() - start
    answers = [json.loads(line)["label"] for line in run(*predict, *pictures).splitlines()]
    truth = [int(Path(picture).stem[-1]) for picture in pictures]
    check(
        len(answers) == len(truth), f"tenfold predict gave {len(answers)} answers for {len(truth)} pictures"
    )
    right = sum(answer == label for answer, label in zip(answers, truth, strict=True))
    check(right >= PICTURES - MISTAKES, f"tenfold predict got {right} of {PICTURES} digits right")
    return seconds, right


def site_packages(python: Path) -> Path:
    return Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())


def run(program: Path, *arguments: str) -> str:
    """Runs a program without the checkout's own code on its path and returns its standard output."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(program), *arguments], stdout=subprocess.PIPE, text=True, check=False, env=environment
    )
    command = " ".join([program.name, *arguments[:3]])
    check(done.returncode == 0, f"`{command}` ended with exit code {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    main()
