"""Inputs become parts: every picture in exactly one, in order, whatever file it is in."""

import errno
import gzip
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from tenfold.data import load_test
from tenfold.data.idx import write_idx
from tenfold.errors import DataError, DiskError
from tenfold.reading.reader import Failure
from tenfold.scaling.inputs import Part, digested, listing, picture_column, plan
from tenfold.scaling.pictures import chunks

WriteParquet = Callable[..., Path]


def parts_of(*inputs: Path, size: int = 10) -> list[Part]:
    return list(plan(listing(list(map(str, inputs))), size))


def items_of(parts: Sequence[Part]) -> list[Any]:
    return [item for part in parts for chunk in chunks(part, "") for item in chunk]


def test_a_folder_is_walked_in_order_without_what_is_no_picture(folder: Path, pngs: list[bytes]) -> None:
    parts = parts_of(folder, size=8)
    assert [len(part) for part in parts] == [8, 8, 4]
    assert [part.index for part in parts] == [0, 1, 2]
    items = items_of(parts)
    assert [item.file for item in items] == [str(path) for path in sorted(folder.glob("*/*.png"))]
    assert [item.content for item in items] == [*pngs[0:20:2], *pngs[1:20:2]]
    assert {item.row for item in items} == {None}


@pytest.mark.parametrize("group", [1, 3, 10, 25, 60])
@pytest.mark.parametrize("size", [1, 7, 10, 25, 1000])
def test_the_rows_of_a_parquet_file_are_each_in_one_part(
    group: int, size: int, pngs: list[bytes], write_parquet: WriteParquet
) -> None:
    path = write_parquet(pngs, group=group)
    parts = parts_of(path, size=size)
    assert all(len(part) <= max(size, -(-group // 16)) for part in parts)
    items = items_of(parts)
    assert [item.row for item in items] == list(range(60))
    assert [item.content for item in items] == pngs
    assert {item.file for item in items} == {str(path)}


def test_rows_without_a_picture_are_failures(pngs: list[bytes], write_parquet: WriteParquet) -> None:
    items = items_of(parts_of(write_parquet([pngs[0], None, pngs[1]])))
    assert [isinstance(item.content, Failure) for item in items] == [False, True, False]


@pytest.mark.parametrize("suffix", ["idx3-ubyte", "idx3-ubyte.gz"])
def test_idx_files_are_read_by_rows(tmp_path: Path, suffix: str) -> None:
    images = load_test().images[:25]
    data = write_idx(images)
    path = tmp_path / f"some-images-{suffix}"
    path.write_bytes(gzip.compress(data) if suffix.endswith("gz") else data)
    parts = parts_of(path)
    assert [part.rows for part in parts] == [(0, 10), (10, 20), (20, 25)]
    items = items_of(parts)
    assert [item.row for item in items] == list(range(25))
    assert np.array_equal(np.stack([item.content for item in items]), images)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cut.parquet", b"PAR1 cut off"),
        ("empty.parquet", b""),
        ("cut-idx3-ubyte", write_idx(load_test().images[:3])[:-1]),
        ("long-idx3-ubyte", write_idx(load_test().images[:3]) + b"1"),
        ("labels-idx3-ubyte", write_idx(load_test().labels[:3])),
        ("head-idx3-ubyte", b"\0\0\x08"),
        ("cut-idx3-ubyte.gz", gzip.compress(write_idx(load_test().images[:3]))[:-9]),
    ],
)
def test_a_damaged_file_is_one_failure(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    parts = parts_of(tmp_path / name)
    (item,) = items_of(parts)
    assert [len(part) for part in parts] == [1]
    assert isinstance(item.content, Failure)
    assert item.content.error.endswith(".")


def test_a_file_that_is_gone_or_refused_is_told(tmp_path: Path) -> None:
    """Whoever reads a part of it in another process would take a bare OSError for a fault of ours."""
    path = tmp_path / "some-images-idx3-ubyte"
    path.write_bytes(write_idx(load_test().images[:3]))
    (listed,) = listing([str(path)])
    parts = list(plan([listed], 10))
    path.unlink()
    with pytest.raises(DiskError, match="some-images-idx3-ubyte' cannot be used"):
        items_of(parts)
    with pytest.raises(DiskError, match="some-images-idx3-ubyte' cannot be used"):
        list(plan([listed], 10))


@pytest.mark.parametrize(
    ("number", "own_fault"), [(errno.EACCES, True), (errno.EPERM, True), (errno.EIO, False)]
)
def test_a_failing_disk_is_no_fault_of_a_picture(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, own_fault: bool
) -> None:
    """As a row with an error it would count as done, and never be read."""
    parts = parts_of(folder)
    opened = os.open

    def refuse(path: Any, *rest: Any) -> int:
        if str(path).endswith("02.png"):
            raise OSError(number, os.strerror(number))
        return opened(path, *rest)

    monkeypatch.setattr(os, "open", refuse)
    if not own_fault:
        with pytest.raises(DiskError, match=r"02\.png' cannot be read: Input/output error"):
            items_of(parts)
        return
    assert [isinstance(item.content, Failure) for item in items_of(parts)] == [at == 1 for at in range(20)]


def test_one_bad_entry_of_a_folder_is_one_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links to themselves and to nothing, and a folder that may not be listed."""
    for name in ("a/loop.png", "a/loop.parquet", "a/none.png"):
        (folder / name).symlink_to("nothing.png" if "none" in name else Path(name).name)
    (folder / "closed").mkdir()
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    items = items_of(parts_of(folder))
    failed = {Path(item.file).name: item.content.error for item in items if isinstance(item.content, Failure)}
    assert (len(items), set(failed)) == (24, {"loop.png", "loop.parquet", "none.png", "closed"})
    assert failed["closed"] == f"'{folder}/closed' cannot be used: Permission denied."
    assert all("Too many levels of symbolic links" in failed[name] for name in failed if "loop" in name)


def test_the_error_page_of_a_server_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "images-idx3-ubyte").write_bytes(b"<html>503 Service Unavailable</html>")
    (item,) = items_of(parts_of(tmp_path / "images-idx3-ubyte"))
    assert "is a web page" in getattr(item.content, "error", "")


def test_damage_within_a_parquet_file_costs_the_rest_of_a_row_group(
    pngs: list[bytes], write_parquet: WriteParquet
) -> None:
    path = write_parquet(pngs, group=10)
    column = parquet.ParquetFile(path).metadata.row_group(3).column(0)
    data = bytearray(path.read_bytes())
    data[column.dictionary_page_offset : column.data_page_offset + 20] = b"\xff" * (
        column.data_page_offset + 20 - column.dictionary_page_offset
    )
    path.write_bytes(data)
    items = items_of(parts_of(path, size=60))
    assert [item.row for item in items] == list(range(60))
    assert [isinstance(item.content, Failure) for item in items] == [30 <= row < 40 for row in range(60)]
    assert [item.content for item in items[:30] + items[40:]] == pngs[:30] + pngs[40:]


def test_inputs_of_all_kinds_follow_each_other(
    folder: Path, pngs: list[bytes], write_parquet: WriteParquet
) -> None:
    table = write_parquet(pngs[:15])
    (folder / "c").mkdir()
    table.rename(folder / "c" / "more.parquet")
    parts = parts_of(folder, folder / "a" / "00.png", size=100)
    assert [(part.kind, len(part)) for part in parts] == [("pictures", 20), ("parquet", 15), ("pictures", 1)]


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"image": pa.binary(), "other": pa.binary()}, "image"),
        ({"image": pa.struct([("bytes", pa.binary()), ("path", pa.string())])}, "image"),
        ({"png": pa.large_binary(), "label": pa.int64()}, "png"),
        ({"one": pa.binary(), "two": pa.binary()}, None),
        ({"image": pa.string()}, None),
        ({"image": pa.struct([("path", pa.string())])}, None),
    ],
)
def test_the_column_of_pictures_is_found_by_name_or_for_being_the_only_one(
    columns: dict[str, Any], found: str | None
) -> None:
    assert picture_column(pa.schema(list(columns.items()))) == found


def test_a_parquet_file_without_pictures_is_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"label": [1]}), tmp_path / "labels.parquet")
    with pytest.raises(DataError, match=r"no column 'image' of pictures.*it has: label"):
        parts_of(tmp_path / "labels.parquet")


def test_what_is_absent_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        parts_of(tmp_path / "nothing")
    with pytest.raises(DataError, match="holds no pictures"):
        parts_of(tmp_path)


def test_the_digest_tells_what_changed(folder: Path) -> None:
    def digest() -> str:
        found = hashlib.sha256()
        assert len(list(digested(listing([str(folder)]), found))) == 20
        return found.hexdigest()

    before = digest()
    assert digest() == before
    (folder / "a" / "00.png").write_bytes(b"other")
    assert digest() != before


def test_a_file_may_have_any_name(tmp_path: Path, pngs: list[bytes]) -> None:
    name = b"\xff 7.png".decode("utf-8", "surrogateescape")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / name).write_bytes(pngs[0])
    (tmp_path / "odd" / "broken.png").symlink_to(tmp_path / "nowhere.png")
    first, second = items_of(parts_of(tmp_path / "odd"))
    assert "does not exist" in first.content.error
    assert second.content == pngs[0]
    assert second.file.endswith("\\xff 7.png")
