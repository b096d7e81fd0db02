"""The files that `tenfold predict` and `tenfold read` are given: pictures, and folders of them."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tenfold.cli.output import emit, failure, message


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
    from tenfold.data.folder import SUFFIXES, unread_sentence

    for given in paths:
        path = Path(given)
        if not os.path.isdir(path):  # Path.is_dir raises where it may not look
            if (sentence := _no_picture(given)) is None:
                yield path
            else:
                fail(given, sentence)
            continue
        empty, unread = True, Counter[str]()
        refused: list[OSError] = []
        for file in _pictures(path, refused.append, unread):
            empty = False
            yield file
        for cause in refused:
            fail(cause.filename, f"The folder '{cause.filename}' cannot be read: {cause.strerror}.")
        sentence = unread_sentence(path, unread)
        if empty and not refused:
            fail(given, sentence or f"The folder '{path}' holds no pictures ({' '.join(SUFFIXES)}).")
        elif sentence:
            message(f"tenfold: {sentence}")


def _no_picture(given: str) -> str | None:
    """Why what is no folder is no single picture either; None where it may be one."""
    from tenfold.scaling.inputs import suffix_kind
    from tenfold.scaling.places import is_uri

    if given == "-":
        return "'-' would be standard input, which is not read; give a file."
    if is_uri(given):
        return f"'{given}' is a URI, which is read with --out DIR."
    if suffix_kind(given) in ("parquet", "idx"):
        return f"'{given}' is a file of many pictures, which is read with --out DIR."
    return None


def _pictures(folder: Path, refuse: Callable[[OSError], None], unread: Counter[str]) -> Iterator[Path]:
    from tenfold.data.folder import count_unread, is_picture

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        unread.update(count_unread(files))
        for name in sorted(files):
            if is_picture(name) and not name.startswith("."):
                yield Path(place, name)
