"""The cache of fetched sets: eight processes at once, a home that is read-only, a disk that is full."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.data.conftest import serve

from tenfold.files import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.data.conftest import Mirror

DATA = bytes(range(256)) * 8_000  # 2 MB
FETCH = """
import dataclasses, sys
from tenfold.data.catalogue import SOURCES
from tenfold.data.download import RemoteFile
from tenfold.data.sources import Store, fetch
url, checksum, cache, limit = sys.argv[1:]
if int(limit):
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
file = RemoteFile("digits.gz", checksum)
source = dataclasses.replace(SOURCES["kmnist"], parts={"train": (file,), "test": (file,)})
sys.stdin.readline()
try:
    for _ in range(3):
        (path,) = fetch(source, store=Store(cache=cache or None, mirrors=(url,)))
        path.unlink(missing_ok=True)
    (path,) = fetch(source, store=Store(cache=cache or None, mirrors=(url,)))
    print(path)
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for mirror in serve():
        mirror.files["/digits.gz"] = DATA
        yield mirror


def fetching(
    mirror: Mirror, cache: Path | str, limit: int = 0, home: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """A process that waits for a line, then fetches the file four times."""
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, mirror.url, f"sha256:{sha256(DATA)}", str(cache), str(limit)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(home or {})},
    )


def test_eight_processes_fetch_and_delete_at_once_and_all_succeed(mirror: Mirror, tmp_path: Path) -> None:
    """Whenever the file is seen under its name it is whole, and nothing else is left."""
    place = tmp_path / "kmnist" / "digits.gz"
    processes = [fetching(mirror, tmp_path) for _ in range(8)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    while any(process.poll() is None for process in processes):
        try:
            assert place.read_bytes() == DATA
        except FileNotFoundError:
            continue
    for process in processes:
        assert process.communicate()[0] == f"{place}\n"
        assert process.returncode == 0
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left in ([place], [])  # the last to delete may have been the last of all


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_cache_that_is_full_is_said_with_the_bytes_that_are_needed(mirror: Mirror, tmp_path: Path) -> None:
    old = tmp_path / "kmnist" / "digits.gz"
    old.parent.mkdir()
    old.write_bytes(b"an older version")
    out, _ = fetching(mirror, tmp_path, limit=1_000_000).communicate("\n")
    assert out == f"DiskError '{old}' cannot be written (2,048,000 bytes): {os.strerror(errno.EFBIG)}.\n"
    assert [(path, path.read_bytes()) for path in old.parent.iterdir()] == [(old, b"an older version")]


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="/proc takes no file from anybody, not even root"
)
def test_a_home_that_is_read_only_is_said_before_anything_is_fetched(mirror: Mirror) -> None:
    home = {"HOME": "/proc/self", "XDG_CACHE_HOME": ""}
    out, _ = fetching(mirror, "", home=home).communicate("\n")
    assert out.startswith("DiskError The cache folder '/proc/self/.cache/tenfold/kmnist' cannot be written. ")
    assert mirror.asked == []
