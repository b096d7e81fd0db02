"""The JSON record in a folder of the harness, read without trust: bounded, of one format, its parts sound."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tenfold.errors import RunError
from tenfold.files import read_bounded

LIMIT = 1 << 24  # bytes; the record of a cross-validation of 1000 folds has 200 kB

Fields = Mapping[str, type | tuple[type, ...]]


def read_record(path: Path, what: str, version: int, begun: Fields, finished: Fields) -> dict[str, Any]:
    """The record at `path`, which has the fields `begun`, and once its status is "finished" also `finished`.

    `what` is what it is the record of, in words. Raises RunError for one that is absent, damaged or of
    another format than `version`.
    """
    try:
        record = json.loads(read_bounded(path, LIMIT, RunError, "The record"))
    except (ValueError, RecursionError):
        raise RunError(f"'{path}' is damaged: it is not JSON.") from None
    if not isinstance(record, dict) or record.get("format") != version:
        raise RunError(f"'{path}' is not the record of {what} in format {version}.")
    wanted = {**begun, **(finished if record.get("status") == "finished" else {})}
    for key, kind in wanted.items():
        if not isinstance(record.get(key), kind):
            raise RunError(f"'{path}' is damaged: it has no sound '{key}'.")
    return record
