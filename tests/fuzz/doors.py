"""Leads every file of three folders through its door, in a process of its own that watches itself.

    python -m tests.fuzz.doors FOLDER        FOLDER/pictures, FOLDER/idx, FOLDER/models -> JSON lines

Each line has the file, its door's error (none: let in), what the process opened, ran or connected to
meanwhile (Python's audit events; https://docs.python.org/3/library/audit_events.html), by how much its
memory rose above its highest, and how many threads and open files it has more than before.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tenfold.data.idx import read_images
from tenfold.errors import DataError
from tenfold.files import read_bounded
from tenfold.images import read_digit
from tenfold.reading import Reader

# All that touches the world outside: files, processes, sockets, foreign code. What only looks is left out.
TOUCHING = {
    *("open", "exec", "compile", "import", "pickle.find_class", "marshal.loads", "shutil.rmtree"),
    *(
        "ctypes",
        "socket",
        "subprocess",
        "os",
        "pty",
        "urllib",
        "http",
        "ftplib",
        "winreg",
        "mmap",
        "tempfile",
    ),
}
HARMLESS = {"os.scandir", "os.listdir"}


class Watch:
    """Python's audit events between `begin` and `end`; a hook cannot be taken away again."""

    def __init__(self) -> None:
        self.events: list[str] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.events is None or event in HARMLESS:
            return
        if event == "open" and isinstance(arguments[0], int):  # a handle of what was opened before
            return
        if event in TOUCHING or event.partition(".")[0] in TOUCHING:
            self.events.append(f"{event} {arguments[0] if arguments else ''}".strip())

    def during(self, action: Callable[[], object]) -> tuple[str | None, str | None, list[str]]:
        """The error's type and text, if any, and the events."""
        events: list[str] = []
        self.events = events
        try:
            action()
        except Exception as error:
            return type(error).__name__, str(error), events
        finally:
            self.events = None
        return None, None, events


DOORS: dict[str, Callable[[Path], object]] = {
    "pictures": read_digit,
    "idx": lambda path: read_images(read_bounded(path, 2**24, DataError), name="The file"),
    "models": lambda path: Reader(path, threads=1),
}


def highest() -> int:
    """Bytes of memory that this process had at most; on Linux ru_maxrss would be its parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(status.read_text().partition("VmHWM:")[2].split()[0])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def open_files() -> int:
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    return len(os.listdir(folder))


def main(folder: Path) -> None:
    watch = Watch()
    files = [(door, path) for door in DOORS for path in sorted((folder / door).iterdir())]
    for door, path in files:  # whatever is imported at its first use is so now
        if path.name.startswith("good"):
            DOORS[door](path)
    for door, path in files:
        before, handles, threads = highest(), open_files(), threading.active_count()
        error, text, events = watch.during(lambda door=door, path=path: DOORS[door](path))  # type: ignore[misc]
        line = {
            "file": f"{door}/{path.name}",
            "error": error,
            "text": text,
            "events": [event.replace(str(path), "ITSELF") for event in events],
            "memory": highest() - before,
            "left": (open_files() - handles) + (threading.active_count() - threads),
        }
        print(json.dumps(line))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
