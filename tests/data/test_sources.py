from __future__ import annotations

import bz2
import dataclasses
import gzip
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.conftest import Mirror, patience

from tenfold.data.catalogue import SOURCES, Source
from tenfold.data.download import RemoteFile
from tenfold.data.idx import write_idx
from tenfold.data.sources import Store, cache_folder, fetch, find, load_source, load_writers
from tenfold.errors import DataError, IdxError, InputError, NetworkError, UnknownNameError
from tenfold.files import sha256

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 28, 28), np.uint8)
LABELS = np.array([3, 1, 4, 1], np.uint8)
TABLE = np.arange(32, dtype=np.int32).reshape(4, 8) % 10


def packed(array: np.ndarray[Any, Any]) -> bytes:
    return gzip.compress(write_idx(array), mtime=0)


def small(name: str, *contents: bytes) -> tuple[Source, dict[str, bytes]]:
    """The source of that name with other contents (the same for both parts), and its files by name."""
    source = SOURCES[name]
    files: dict[str, bytes] = {}
    parts = {}
    for part, several in source.parts.items():
        files |= {file.name: data for file, data in zip(several, contents, strict=True)}
        parts[part] = tuple(
            RemoteFile(file.name, f"sha256:{sha256(data)}")
            for file, data in zip(several, contents, strict=True)
        )
    return dataclasses.replace(source, parts=parts), files


@pytest.fixture
def fashion(mirror: Mirror) -> Source:
    """A small Fashion-MNIST that the mirror serves."""
    source, files = small("fashion-mnist", packed(IMAGES), packed(LABELS))
    mirror.files |= {f"/{name}": data for name, data in files.items()}
    return source


@pytest.fixture
def store(mirror: Mirror, tmp_path: Path) -> Store:
    return Store(cache=tmp_path / "cache", mirrors=(mirror.url,), patience=patience())


def in_cache(tmp_path: Path) -> list[str]:
    return sorted(str(path.relative_to(tmp_path / "cache")) for path in tmp_path.rglob("cache/*/*"))


# --- fetching ----------------------------------------------------------------------------------------------


def test_a_set_is_fetched_once_and_then_read_from_the_cache(
    fashion: Source, store: Store, mirror: Mirror, tmp_path: Path
) -> None:
    test = load_source(fashion, store=store)
    assert (test.name, test.labels.tolist()) == ("fashion-mnist", [3, 1, 4, 1])
    assert np.array_equal(test.images, IMAGES)
    assert mirror.asked == ["/t10k-images-idx3-ubyte.gz", "/t10k-labels-idx1-ubyte.gz"]
    offline = dataclasses.replace(store, offline=True, mirrors=())
    assert load_source(fashion, store=offline).checksum == test.checksum
    assert load_source(fashion, "train", store).name == "fashion-mnist-training"
    assert len(fetch(fashion, store=store)) == len(mirror.asked) == 4
    assert in_cache(tmp_path) == sorted(f"fashion-mnist/{path[1:]}" for path in mirror.files)


def test_a_damaged_file_in_the_cache_is_replaced(fashion: Source, store: Store) -> None:
    path = fetch(fashion, "test", store)[0]
    sound = path.read_bytes()
    for damaged in (b"", sound[:-1], b"<html>", sound + b"\0" * 2**10):
        path.write_bytes(damaged)
        assert fetch(fashion, "test", store)[0].read_bytes() == sound


@pytest.mark.parametrize("fault", ["404", "page", "cut", "stall", "hang up", "redirect file:///etc/hostname"])
def test_nothing_is_left_of_a_failed_download_and_the_old_cache_stays(
    fashion: Source, store: Store, mirror: Mirror, tmp_path: Path, fault: str
) -> None:
    mirror.faults["/t10k-labels-idx1-ubyte.gz"] = fault
    store = dataclasses.replace(store, patience=patience(fault))
    old = tmp_path / "cache/fashion-mnist/t10k-labels-idx1-ubyte.gz"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"an older version")
    with pytest.raises(NetworkError, match=f"'fashion-mnist' cannot be downloaded: http://{mirror.host} "):
        fetch(fashion, "test", store)
    assert old.read_bytes() == b"an older version"
    assert in_cache(tmp_path) == [
        "fashion-mnist/t10k-images-idx3-ubyte.gz",
        "fashion-mnist/t10k-labels-idx1-ubyte.gz",
    ]


def test_offline_nothing_is_asked(fashion: Source, store: Store, mirror: Mirror) -> None:
    with pytest.raises(NetworkError, match="'fashion-mnist' is not in the cache and downloads are off"):
        load_source(fashion, store=dataclasses.replace(store, offline=True))
    assert mirror.asked == []


def test_eight_at_once_leave_one_sound_file(
    fashion: Source, store: Store, mirror: Mirror, tmp_path: Path
) -> None:
    together = threading.Barrier(8)

    def start(_: int) -> list[Path]:
        together.wait()
        return fetch(fashion, "test", store)

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(start, range(8)))
    assert len(set(map(tuple, results))) == 1
    assert {path.name: path.read_bytes() for path in results[0]} == {
        name: mirror.files[f"/{name}"] for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
    }
    assert len(in_cache(tmp_path)) == 2


def test_a_mistyped_name_is_told_what_is_near() -> None:
    with pytest.raises(
        UnknownNameError, match=r"no data set 'fashon-mnist'\. Did you mean 'fashion-mnist'\?"
    ):
        fetch("fashon-mnist")


def test_the_cache_is_where_the_platform_keeps_caches() -> None:
    assert cache_folder().name.lower() in ("tenfold", "cache")


# --- importing ---------------------------------------------------------------------------------------------


@pytest.fixture
def downloads(fashion: Source, mirror: Mirror, tmp_path: Path) -> Path:
    folder = tmp_path / "downloads"
    folder.mkdir()
    for several in fashion.parts.values():
        for file in several:
            (folder / file.name).write_bytes(mirror.files[f"/{file.name}"])
    return folder


@pytest.mark.parametrize("named", ["", "t10k-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"])
def test_files_that_were_got_by_other_means_are_imported(
    fashion: Source, store: Store, downloads: Path, mirror: Mirror, tmp_path: Path, named: str
) -> None:
    given = dataclasses.replace(store, import_from=downloads / named, offline=True)
    assert load_source(fashion, store=given).labels.tolist() == [3, 1, 4, 1]
    assert len(in_cache(tmp_path)) == 2
    assert mirror.asked == []


@pytest.mark.parametrize("part", ["train", "test"])
def test_the_one_file_of_both_parts_is_imported_under_any_name(part: Any, tmp_path: Path) -> None:
    source, files = small("emnist-digits", emnist_zip("emnist-digits", LABELS, tmp_path))
    (tmp_path / "emnist (1).zip").write_bytes(*files.values())
    store = Store(cache=tmp_path / "cache", import_from=tmp_path / "emnist (1).zip", offline=True)
    assert load_source(source, part, store).labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "does not exist"), (b"<html>", "its checksum differs"), (b"", "checksum")],
)
def test_an_import_of_something_else_is_refused(
    fashion: Source, store: Store, downloads: Path, content: bytes | None, sentence: str
) -> None:
    file = downloads / "t10k-labels-idx1-ubyte.gz"
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(DataError, match=f"t10k-labels-idx1-ubyte.gz.*{sentence}"):
        fetch(fashion, "test", dataclasses.replace(store, import_from=downloads))


# --- what is in them ---------------------------------------------------------------------------------------


def imported(files: dict[str, bytes], tmp_path: Path) -> Store:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return Store(cache=tmp_path / "cache", import_from=tmp_path, offline=True)


def emnist_zip(name: str, labels: np.ndarray[Any, Any], folder: Path) -> bytes:
    path = folder / "made.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in ("train", "test"):
            archive.writestr(f"gzip/{name}-{part}-images-idx3-ubyte.gz", packed(IMAGES.swapaxes(1, 2)))
            archive.writestr(f"gzip/{name}-{part}-labels-idx1-ubyte.gz", packed(labels))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "stored", "given"),
    [("emnist-digits", [0, 1, 8, 9], [0, 1, 8, 9]), ("emnist-letters", [1, 2, 25, 26], [0, 1, 24, 25])],
)
@pytest.mark.parametrize("part", ["train", "test"])
def test_emnist_is_turned_upright_and_letters_count_from_0(
    name: str, stored: list[int], given: list[int], part: Any, tmp_path: Path
) -> None:
    source, files = small(name, emnist_zip(name, np.array(stored, np.uint8), tmp_path))
    data = load_source(source, part, imported(files, tmp_path))
    assert data.labels.tolist() == given
    assert data.classes == (10 if name == "emnist-digits" else 26)
    assert np.array_equal(data.images, IMAGES)


@pytest.mark.parametrize(
    ("name", "label"), [("emnist-digits", 10), ("emnist-letters", 27), ("emnist-letters", 0)]
)
def test_emnist_labels_out_of_range_are_refused(name: str, label: int, tmp_path: Path) -> None:
    source, files = small(name, emnist_zip(name, np.array([1, 2, 3, label], np.uint8), tmp_path))
    with pytest.raises(InputError, match=f"label {label}"):
        load_source(source, store=imported(files, tmp_path))


def test_qmnist_takes_the_digit_from_its_table(tmp_path: Path) -> None:
    source, files = small("qmnist", packed(IMAGES), packed(TABLE))
    data = load_source(source, store=imported(files, tmp_path))
    assert data.labels.tolist() == TABLE[:, 0].tolist()


def test_a_qmnist_table_of_another_width_is_refused(tmp_path: Path) -> None:
    source, files = small("qmnist", packed(IMAGES), packed(TABLE[:, :7]))
    with pytest.raises(IdxError, match=r"shape \[4, 7\] where \[n, 8\]"):
        load_source(source, store=imported(files, tmp_path))


def test_usps_is_read(tmp_path: Path) -> None:
    text = b"\n".join(b"%d 1:-1 256:1" % label for label in (1, 10))
    source, files = small("usps", bz2.compress(text))
    assert load_source(source, store=imported(files, tmp_path)).labels.tolist() == [0, 9]


@pytest.mark.parametrize(
    "contents",
    [
        (packed(LABELS), packed(IMAGES)),
        (packed(IMAGES), packed(LABELS[:3])),
        (packed(IMAGES), packed(LABELS + 9)),
    ],
    ids=["swapped", "counts differ", "mislabelled"],
)
def test_files_with_the_right_checksum_are_checked_all_the_same(
    contents: tuple[bytes, ...], tmp_path: Path
) -> None:
    source, files = small("kmnist", *contents)
    with pytest.raises(InputError, match=r"swapped|4 images but 3 labels|has the label 12"):
        load_source(source, store=imported(files, tmp_path))


# --- the table ---------------------------------------------------------------------------------------------


def test_every_source_is_complete() -> None:
    expected = {"mnist", "fashion-mnist", "kmnist", "emnist-digits", "emnist-letters", "qmnist", "usps"}
    assert set(SOURCES) == expected
    for name, source in SOURCES.items():
        assert find(name) is source
        assert set(source.parts) == {"train", "test"}
        assert all(url.startswith(("https://", "http://")) and url.endswith("/") for url in source.mirrors)
        schemes = [url.partition(":")[0] for url in source.mirrors]
        assert schemes == sorted(schemes, reverse=True), "HTTPS first"
        for file in (file for several in source.parts.values() for file in several):
            kind, _, told = file.checksum.partition(":")
            assert (kind, len(told)) in (("sha256", 64), ("md5", 32))
            assert set(told) <= set("0123456789abcdef")


REAL_TABLES = Path(__file__).parents[3] / "shared" / "qmnist"


@pytest.mark.skipif(not REAL_TABLES.is_dir(), reason="the label tables of QMNIST are not here")
def test_the_writers_of_mnist_train_and_test_differ(tmp_path: Path) -> None:
    store = Store(cache=tmp_path, import_from=REAL_TABLES, offline=True)
    train, test = load_writers("train", store), load_writers("test", store)[:10_000]
    assert (len(train), len(set(train)), len(set(test))) == (60_000, 539, 297)
    assert not set(train) & set(test)
