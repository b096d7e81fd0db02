"""Fuzz one target, or all in turn, with atheris: coverage of the package guides what is tried next.

    python -m tests.fuzz.run                             every target for ten minutes
    python -m tests.fuzz.run model --seconds 60
    python -m tests.fuzz.run idx --runs 20000 --seed 1   the same trials every time
    python -m tests.fuzz.run idx --again FILE            one trial: the bytes in a file

The seeds come from `corpora.py`; what opened new paths is kept in runs/fuzz for the next time. A finding ends
the run with a traceback, and its bytes lie there as crash-*, timeout-* or oom-*: make it a test and a seed.
"""

import argparse
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

SLOWEST = 10  # seconds that a trial may take
MEMORY = 2_048  # MB, with torch, which makes the seeds of the model file


def main() -> None:
    parser = argparse.ArgumentParser(description="Fuzz what reads strangers' bytes.")
    parser.add_argument("target", nargs="?", help="idx, picture, model or request; all if left out")
    parser.add_argument("--runs", type=int, default=-1, help="end after so many trials")
    parser.add_argument("--seconds", type=int, default=600, help="end after so long (0: never)")
    parser.add_argument("--seed", type=int, default=0, help="of what is tried; 0 draws one")
    parser.add_argument("--keep", type=Path, default=Path("runs/fuzz"), help="where what is found is kept")
    parser.add_argument("--again", type=Path, help="a file to try once")
    options = parser.parse_args()
    if options.target is None:
        words = [sys.executable, "-m", "tests.fuzz.run"]
        failed = [name for name in _names() if subprocess.call([*words, name, *sys.argv[1:]])]
        sys.exit(f"Findings in: {', '.join(failed)}" if failed else 0)
    _fuzz(options)


def _names() -> list[str]:
    from tests.fuzz.targets import TARGETS

    return list(TARGETS)


def _fuzz(options: argparse.Namespace) -> None:
    atheris: Any = import_module("atheris")  # Linux only, and without types
    with atheris.instrument_imports(include=["tenfold"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[options.target]
    kept = options.keep / options.target
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as seeds:
        for name, data in target.corpus().items():
            Path(seeds, name.replace(" ", "-")).write_bytes(data)
        words = [
            options.target,
            f"-runs={options.runs}",
            f"-max_total_time={options.seconds}",
            f"-seed={options.seed}",
            f"-max_len={target.longest}",
            f"-timeout={SLOWEST}",
            f"-rss_limit_mb={MEMORY}",
            f"-artifact_prefix={options.keep}/",
        ]
        atheris.Setup(words + ([str(options.again)] if options.again else [str(kept), seeds]), target.run)
        atheris.Fuzz()  # ends the process


if __name__ == "__main__":
    main()
