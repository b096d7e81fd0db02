import errno
import os
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tenfold import files
from tenfold.errors import DataError, DiskError
from tenfold.files import make_folder, read_bounded, sha256, sweep, write_atomic

OLD, NEW = b"old " * 100, b"new and longer " * 100
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")


def test_sha256_is_that_of_the_standard_vector() -> None:
    # FIPS 180-2, appendix B.1
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# reading


@pytest.mark.parametrize("size", [0, 1, 9, 10])
def test_up_to_the_limit_every_byte_comes_back(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(size)))
    assert read_bounded(path, 10, DataError) == bytes(range(size))


def test_one_byte_over_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(11))
    with pytest.raises(DataError, match=r"The set '.*file' has 11 bytes; at most 10 are allowed"):
        read_bounded(path, 10, DataError, "The set")


def test_a_sparse_terabyte_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match="1,099,511,627,776 bytes"):
        read_bounded(path, 1 << 30, DataError)


def folder(path: Path) -> None:
    path.mkdir()


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def absent(path: Path) -> None:
    assert not path.exists()


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


@posix
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (absent, "does not exist"),
        (dangling, "does not exist"),
        (folder, "is a folder"),
        (fifo, "is not a regular file"),
        (unix_socket, "is not a regular file"),
        (device, "is not a regular file"),
    ],
)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None], says: str) -> None:
    path = tmp_path / "thing"
    make(path)
    with pytest.raises(DataError, match=says):
        read_bounded(path, 10, DataError)


@pytest.mark.parametrize("path", ["a\0b", "file/inside"])
def test_a_path_that_cannot_be_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"is not a path|does not exist"):
        read_bounded(path, 10, DataError)


@pytest.mark.parametrize("after", [b"", b"123456789"], ids=["shrunk", "grown"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bytes
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1234")
    real = os.fstat

    def fstat(handle: int) -> os.stat_result:
        status = real(handle)
        path.write_bytes(after)
        return status

    monkeypatch.setattr(os, "fstat", fstat)
    with pytest.raises(DataError, match="changed while it was read"):
        read_bounded(path, 100, DataError)


def test_a_refusal_of_the_system_is_a_disk_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    monkeypatch.setattr(os, "open", refuse(errno.EACCES))
    with pytest.raises(DiskError, match=r"file' cannot be read: Permission denied\."):
        read_bounded(path, 10, DataError)


# writing


def refuse(number: int) -> Callable[..., int]:
    def call(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize(
    ("data", "bytes_"), [(b"\r\n\0", b"\r\n\0"), ("zwölf\n", b"zw\xc3\xb6lf\n"), ("", b"")]
)
def test_bytes_are_written_as_they_are_and_text_as_utf8(
    tmp_path: Path, data: bytes | str, bytes_: bytes
) -> None:
    path = tmp_path / "file"
    write_atomic(path, data)
    assert path.read_bytes() == bytes_
    assert list(tmp_path.iterdir()) == [path]


@posix
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_an_existing_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    path.chmod(mode)
    write_atomic(path, NEW)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (NEW, mode)


@posix
def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "file", NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


CALLS = ("open", "chmod", "write", "fsync", "close", "replace")
STEPS = ["open", "chmod", "write", "write", "fsync", "close", "replace", "open", "fsync", "close"]


@contextmanager
def watched(act: Callable[[int, str, tuple[object, ...]], None]) -> Iterator[None]:
    """`act(number, name, arguments)` before each system call of a save, which writes in two halves."""
    calls = 0

    def wrap(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            act(calls, name, arguments)
            return real(*arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "CHUNK", len(NEW) // 2)
        for name in CALLS:
            patch.setattr(os, name, wrap(name, getattr(os, name)))
        yield


def calls_of_a_save(path: Path) -> list[str]:
    seen: list[str] = []

    def note(_number: int, name: str, arguments: tuple[object, ...]) -> None:
        if name == "fsync" and seen.count("fsync") == 0:
            # all bytes must be with the system when it is told to keep them
            assert os.fstat(arguments[0]).st_size == len(NEW)  # type: ignore[arg-type]
        if name == "replace":
            assert Path(str(arguments[0])).read_bytes() == NEW
        seen.append(name)

    with watched(note):
        write_atomic(path, NEW)
    return seen


@posix
def test_the_neighbour_is_synced_then_renamed_then_the_folder_is_synced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    assert calls_of_a_save(path) == STEPS


RENAMED = STEPS.index("replace") + 1  # after this call, counted from 1, the new file is in place


@posix
@pytest.mark.parametrize("at", range(1, len(STEPS) + 1))
def test_a_crash_before_any_call_leaves_a_whole_file(tmp_path: Path, at: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)

    def die(number: int, _name: str, _arguments: tuple[object, ...]) -> None:
        if number == at:
            os._exit(77)

    child = os.fork()
    if child == 0:
        try:
            with watched(die):
                write_atomic(path, NEW)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 77
    assert path.read_bytes() == (OLD if at <= RENAMED else NEW)
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1 + (1 < at <= RENAMED)  # another may be at work on it
    sweep(tmp_path, older_than=0)
    assert list(tmp_path.iterdir()) == [path]


@posix
@pytest.mark.parametrize("at", range(1, len(STEPS) + 1))
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_call_that_fails_is_a_disk_error_and_leaves_no_neighbour(
    tmp_path: Path, at: int, number: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)

    def fail(call: int, _name: str, _arguments: tuple[object, ...]) -> None:
        if call == at:
            raise OSError(number, os.strerror(number))

    with (
        watched(fail),
        pytest.raises(DiskError, match=rf"cannot be written \(1,500 bytes\): {os.strerror(number)}"),
    ):
        write_atomic(path, NEW)
    assert path.read_bytes() == (OLD if at <= RENAMED else NEW)
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_an_interrupt_leaves_the_old_file_and_no_neighbour(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)

    def interrupt(_number: int, name: str, _arguments: tuple[object, ...]) -> None:
        if name == "fsync":
            raise KeyboardInterrupt

    with watched(interrupt), pytest.raises(KeyboardInterrupt):
        write_atomic(path, NEW)
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


@posix
@pytest.mark.parametrize("room", [0, 100, len(NEW) - 1])
def test_a_disk_that_is_full_in_mid_write_leaves_the_old_file(tmp_path: Path, room: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    import resource  # not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(DiskError, match=r"cannot be written \(1,500 bytes\): File too large"):
            write_atomic(path, NEW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_a_disk_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(DiskError, match="Permission denied"):
            write_atomic(tmp_path / "file", NEW)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("name", ["absent/file", "", "/", "a\0b", "taken", "blocked/file"])
def test_a_path_that_cannot_be_written_is_a_disk_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "blocked").write_bytes(b"")
    with pytest.raises(DiskError, match="cannot be written"):
        write_atomic(name, NEW)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blocked", "taken"]


@posix
def test_a_link_still_leads_to_the_file_that_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_bytes(OLD)
    (tmp_path / "there" / "file").chmod(0o604)
    for name, target in (("link", "there/file"), ("dangling", "there/new")):
        (tmp_path / name).symlink_to(target)
        write_atomic(tmp_path / name, NEW)
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / target).read_bytes() == NEW
    assert stat.S_IMODE((tmp_path / "there" / "file").stat().st_mode) == 0o604
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "link", "there"]


@posix
@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path: Path, linked: bool) -> None:
    """As are devices: root may write where they are, and a file took the place of /dev/null."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to("pipe")
    held = os.open(pipe, os.O_RDWR)  # so that neither end waits for the other to open
    with ThreadPoolExecutor(1) as pool, pipe.open("rb") as end:
        reading = pool.submit(end.read)
        try:
            write_atomic(tmp_path / "link" if linked else pipe, NEW * 1_000)  # more than a pipe holds
        finally:
            os.close(held)
        assert reading.result() == NEW * 1_000
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]


@posix
def test_a_pipe_of_the_process_itself_is_written_into() -> None:
    """As /dev/stdout, whose real path is none."""
    read, write = os.pipe()
    try:
        write_atomic(f"/dev/fd/{write}", NEW)
        assert os.read(read, 2 * len(NEW)) == NEW
    finally:
        os.close(read)
        os.close(write)


@posix
def test_a_stream_that_takes_nothing_is_a_disk_error(tmp_path: Path) -> None:
    unix_socket(tmp_path / "socket")
    with pytest.raises(DiskError, match="cannot be written"):
        write_atomic(tmp_path / "socket", NEW)
    assert stat.S_ISSOCK((tmp_path / "socket").stat().st_mode)


def test_only_what_a_save_leaves_is_swept_and_only_when_it_is_old(tmp_path: Path) -> None:
    kept = [".0123456789abcdef", "0123456789abcdef.tmp", ".0123456789ABCDEF.tmp", "notes.tmp", ".x.tmp"]
    for name in (*kept, f".{'0' * 16}.tmp", f".{'1' * 16}.tmp"):
        (tmp_path / name).write_bytes(OLD)
        os.utime(tmp_path / name, (0, 0))
    os.utime(tmp_path / f".{'1' * 16}.tmp")
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, f".{'1' * 16}.tmp"])
    sweep(tmp_path, older_than=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
    sweep(tmp_path / "absent")


@posix
def test_a_name_as_long_as_the_system_allows_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    write_atomic(path, NEW)
    assert path.read_bytes() == NEW


def test_a_folder_is_made_with_its_parents_and_may_exist(tmp_path: Path) -> None:
    assert make_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert make_folder(tmp_path / "a" / "b").is_dir()


def test_a_folder_in_the_way_of_a_file_is_a_disk_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskError, match="cannot be made"):
        make_folder(tmp_path / "file" / "inside")
