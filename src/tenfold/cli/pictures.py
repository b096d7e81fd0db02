"""The files that `tenfold predict` and `tenfold read` are given: pictures, and folders of them."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tenfold.cli.output import emit, failure


class Failures:
    """Called with a file that cannot be read and a sentence, says so at once; `some` is then true."""

    def __init__(self, *, json: bool) -> None:
        self.json = json
        self.some = False

    def __call__(self, file: str, sentence: str) -> None:
        self.some = True
        failure(file, sentence)
        if self.json:
            emit({"file": file, "error": sentence})


def picture_files(paths: Sequence[str], fail: Failures) -> Iterator[Path]:
    """Files as given; of a folder, its pictures and those of its folders, in order, hidden ones left out."""
    from tenfold.data.folder import SUFFIXES

    for path in map(Path, paths):
        if not os.path.isdir(path):  # Path.is_dir raises where it may not look
            yield path
            continue
        empty = True
        refused: list[OSError] = []
        for file in _pictures(path, refused.append):
            empty = False
            yield file
        for cause in refused:
            fail(cause.filename, f"The folder '{cause.filename}' cannot be read: {cause.strerror}.")
        if empty and not refused:
            fail(str(path), f"The folder '{path}' holds no pictures ({' '.join(SUFFIXES)}).")


def _pictures(folder: Path, refuse: Callable[[OSError], None]) -> Iterator[Path]:
    from tenfold.data.folder import is_picture

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if is_picture(name) and not name.startswith("."):
                yield Path(place, name)
