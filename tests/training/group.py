"""Processes that train together, as torchrun begins them on one machine, without its seconds to start.

Each is forked off one that has imported torch, as far as the system forks: an import takes 3 s of a core.
"""

import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

CONTEXT: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
IMPORTED = ["tenfold.cli.app", "tenfold.runs.carry_out", "tenfold.training.callbacks"]


class Member(NamedTuple):
    process: Any  # of multiprocessing
    output: tuple[Path, Path]

    def ended(self) -> subprocess.CompletedProcess[str]:
        self.process.join(120)
        assert self.process.exitcode is not None
        out, err = (path.read_text() for path in self.output)
        return subprocess.CompletedProcess([], self.process.exitcode, out, err)


def start_group(words: Sequence[str], size: int, folder: Path) -> list[Member]:
    """`size` processes with the words of a command of Python each, at work in `folder`."""
    if sys.platform == "linux":
        CONTEXT.set_forkserver_preload(IMPORTED)
    started = []
    for rank, place in enumerate(places(size)):
        output = folder / f"{rank}.out", folder / f"{rank}.err"
        process = CONTEXT.Process(target=_run, args=(list(words), folder, place, output), daemon=True)
        process.start()
        started.append(Member(process, output))
    return started


def run_group(words: Sequence[str], size: int, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    return [member.ended() for member in start_group(words, size, folder)]


def places(size: int) -> Iterator[dict[str, str]]:
    """What torchrun tells each of `size` processes in its environment; one alone is told nothing."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    for rank in range(size):
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
        yield {name: str(value) for name, value in {**place, **meeting}.items()} if size > 1 else {}


def _run(words: list[str], folder: Path, place: dict[str, str], output: tuple[Path, Path]) -> None:
    os.environ.update(place)
    for number, path in enumerate(output, 1):
        with open(path, "w") as file:
            os.dup2(file.fileno(), number)
    os.chdir(folder)
    how, what, *sys.argv[1:] = words
    if how == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(what, {"__name__": "__main__"})
