"""The other sets by name: fetched once, checked, kept in the cache folder of the platform.

    fetch("fashion-mnist")                                              all its files, from the first mirror
    load_source("emnist-digits", "train")                               raw: its images as published
    load_source("kmnist", store=Store(import_from="downloads"))         files that were got by other means
    load_source("qmnist", store=Store(offline=True))                    from the cache, or an error
    load_writers("train")                                               who wrote each digit of QMNIST

A file is looked for in the cache, then in `import_from`, then at the mirrors, HTTPS first; wherever it comes
from, its published checksum decides. Into the cache it goes whole, so any number of processes may fetch at
once.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tenfold.data.catalogue import SOURCES as SOURCES
from tenfold.data.catalogue import Part, Source, read_table
from tenfold.data.download import Patience, Progress, RemoteFile, download
from tenfold.data.labelled import Labelled
from tenfold.errors import DataError, DiskError, NetworkError, UnknownNameError
from tenfold.files import is_folder, make_folder, read_bounded, sweep, write_atomic

WRITER = 2  # the column of QMNIST's label table; 0 is the digit


@dataclass(frozen=True)
class Store:
    """Where files are kept and how they are got.

    `cache` None is the platform's cache folder; `mirrors`, if any, take the place of the published ones;
    `progress(file, bytes so far, bytes expected or None)` is called while a file comes in.
    """

    cache: Path | str | None = None
    import_from: Path | str | None = None
    offline: bool = False
    mirrors: tuple[str, ...] = ()
    patience: Patience = field(default_factory=Patience)
    progress: Progress | None = None


def fetch(source: str | Source, part: Part | None = None, store: Store = Store()) -> list[Path]:
    """The paths of the files of `part` (of both if None), in the cache and checked.

    Raises UnknownNameError, NetworkError (also if `store.offline` and a file is not there), DataError for an
    imported file that is not the published one, and DiskError.
    """
    source = find(source)
    files = [file for key, several in source.parts.items() if part in (None, key) for file in several]
    return [_fetch_file(source, file, store) for file in dict.fromkeys(files)]


def load_source(source: str | Source, part: Part = "test", store: Store = Store()) -> Labelled:
    """The images as published, uint8 [n, 28, 28], ink bright: EMNIST turned upright, USPS placed in a frame.

    Raises as `fetch` does, and IdxError or DataError for files that do not hold what they should.
    """
    source = find(source)
    images, labels = source.read(source, part, fetch(source, part, store))
    return Labelled(
        source.name if part == "test" else f"{source.name}-training", images, labels, source.classes
    )


def load_writers(part: Part = "train", store: Store = Store()) -> NDArray[np.int32]:
    """The writer of each QMNIST image: int32 [60000]. Of "test", the first 10,000 are MNIST's test digits.

    The training images are MNIST's, in order: 539 writers there, 297 others in MNIST's test. Raises as
    `fetch`.
    """
    source = SOURCES["qmnist"]
    return read_table(_fetch_file(source, source.parts[part][1], store))[:, WRITER]


def find(source: str | Source) -> Source:
    """The source of that name. Raises UnknownNameError."""
    if isinstance(source, Source):
        return source
    if source not in SOURCES:
        raise UnknownNameError("data set", source, SOURCES)
    return SOURCES[source]


def is_cached(source: str | Source) -> bool:
    """Whether all files of the source are in the usual cache. They are checked when they are used."""
    source = find(source)
    return all(
        os.path.isfile(_place(source, file, Store())) for files in source.parts.values() for file in files
    )


def cache_folder() -> Path:
    """Where fetched files are kept by default, such as ~/.cache/tenfold on Linux. It may not exist yet."""
    from platformdirs import user_cache_path

    return user_cache_path("tenfold", appauthor=False)


def _fetch_file(source: Source, file: RemoteFile, store: Store) -> Path:
    path = _place(source, file, store)
    if _is_sound(path, file):
        return path
    if store.offline and store.import_from is None:
        raise NetworkError(
            f"The data set '{source.name}' is not in the cache and downloads are off: {file.name} is missing "
            f"or damaged in '{path.parent}'. Go online, or import it: "
            f"tenfold data fetch {source.name} --import-from FILE_OR_FOLDER."
        )
    _prepare(path.parent)
    if store.import_from is not None:
        data = _import(source, file, Path(store.import_from))
    else:
        data = download(file, store.mirrors or source.mirrors, source.name, store.patience, store.progress)
    write_atomic(path, data)
    return path


def _prepare(folder: Path) -> None:
    """Make the cache folder. That nothing can be kept in it is found out before half a gigabyte is on its
    way. Raises DiskError."""
    try:
        if os.access(make_folder(folder), os.W_OK):
            sweep(folder)
            return
    except DiskError:
        pass
    raise DiskError(
        f"The cache folder '{folder}' cannot be written. Where the system has another place for caches, "
        "name it: on Linux, XDG_CACHE_HOME."
    )


def _place(source: Source, file: RemoteFile, store: Store) -> Path:
    folder = Path(store.cache) if store.cache is not None else cache_folder()
    return folder / (source.folder or source.name) / file.name


def _is_sound(path: Path, file: RemoteFile) -> bool:
    try:
        if not path.is_file() or path.stat().st_size > file.limit:
            return False
        with open(path, "rb") as stream:
            return file.matches(stream)
    except OSError:
        return False


def _import(source: Source, file: RemoteFile, place: Path) -> bytes:
    path = place
    if is_folder(place):
        path = place / file.name
    elif place.name != file.name and len({each for files in source.parts.values() for each in files}) > 1:
        path = place.with_name(file.name)  # one file of several was named: the others lie beside it
    data = read_bounded(path, file.limit, DataError, f"The file to import into '{source.name}'")
    if not file.matches(data):
        raise DataError(
            f"'{path}' is not the published {file.name} of '{source.name}': its checksum differs."
        )
    return data
