"""`tenfold serve`, or a peer of it, as a process of its own: on one core if wanted, its memory and open files
looked up, its end waited for.

    with Service("--queue", "64", core=1) as service:
        service.address, service.memory(), service.descriptors()
        code = service.end()
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

START = 180.0  # seconds; a busy machine is slow to import
COMMAND = (sys.executable, "-m", "tenfold", "serve")
OURS = ("--port", "0", "--no-open", "--json")
ADDRESS = re.compile(r'"address": ?"http://([^:"]+):(\d+)')


class Service:
    """Started when made, and answering. `arguments` go to the command behind those that it needs."""

    def __init__(
        self, *arguments: str, core: int | None = None, command: Sequence[str] = (*COMMAND, *OURS)
    ) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        self._errors = tempfile.TemporaryFile("w+b")  # noqa: SIM115, lives as long as the process
        self._folder = tempfile.TemporaryDirectory()
        kept = _move_to(core)
        try:
            self.process = subprocess.Popen(
                [*command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=environment,
                cwd=self._folder.name,
                text=True,
            )
        finally:
            _move_to(None, kept)
        self._told = False
        self.greeting = ""  # the line that told the address
        self.address = self._wait_for_address()

    def _wait_for_address(self) -> tuple[str, int]:
        assert self.process.stdout is not None
        watch = threading.Timer(START, self.process.kill)
        watch.start()
        try:
            for line in self.process.stdout:
                if found := ADDRESS.search(line):
                    self.greeting = line
                    return found[1], int(found[2])
        finally:
            watch.cancel()
        self.process.wait()
        raise RuntimeError(f"The service did not start:\n{self.log()}")

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def log(self) -> str:
        """What it has written to standard error."""
        return os.pread(self._errors.fileno(), 1 << 26, 0).decode("utf-8", "replace")

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return 1_024 * int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0])

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def signal(self, which: signal.Signals = signal.SIGTERM) -> None:
        self._told = True
        self.process.send_signal(which)

    def end(self, patience: float = 60.0) -> int:
        """The exit code, after SIGTERM unless it was told already: a second one would cut what is in work."""
        if self.alive and not self._told:
            self.signal()
        return self.process.wait(patience)

    def close(self) -> None:
        if self.alive:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()
        self._folder.cleanup()

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _move_to(core: int | None, cores: set[int] | None = None) -> set[int] | None:
    """Bind this process, so that a child is born there; gives what to bind it to again."""
    if core is None and cores is None:
        return None
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} if core is not None else cores or before)
    return before


class Steal:
    """What share of the time of these cores the host has given to others since this was made."""

    def __init__(self, cores: Sequence[int]) -> None:
        self._cores = [f"cpu{core}" for core in cores]
        self._before = self._read()

    def _read(self) -> tuple[int, int]:
        stolen = total = 0
        for line in Path("/proc/stat").read_text().splitlines():
            name, *numbers = line.split()
            if name in self._cores:
                stolen += int(numbers[7])
                total += sum(map(int, numbers[:8]))
        return stolen, total

    @property
    def share(self) -> float:
        stolen, total = (after - before for after, before in zip(self._read(), self._before, strict=True))
        return stolen / total if total else 0.0
