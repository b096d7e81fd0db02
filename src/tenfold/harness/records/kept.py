"""What was measured of a run's model stays in the run's folder, one JSON file for each kind of result.

keep_result("runs/fast-0", "robustness", found.to_dict())      what `tenfold robustness runs/fast-0` does
read_kept("runs/fast-0", "robustness")                         what `tenfold report RUN RUN...` shows
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tenfold.data.sets import set_names
from tenfold.errors import RunError
from tenfold.files import exists, is_folder, read_bounded, write_atomic
from tenfold.harness.records.run import COMMITTEE, RECORD
from tenfold.model import resolve

LIMIT = 1 << 22  # bytes


def keep_result(model: str | Path | None, kind: str, found: Mapping[str, Any]) -> None:
    """Keep `found` if `model` is a run's or a committee's, as `kind`.json; a shipped model or a file of its
    own keeps nothing.

    Raises ModelFileError and DiskError.
    """
    if (folder := _run_of(model)) is not None:
        keep(folder, kind, found)


def keep_evaluation(model: str | Path | None, on: str | Path, found: Mapping[str, Any]) -> None:
    """The same for the evaluation on the set `on`, a name or a path, beside those on other sets: a path is
    kept whole, as folders of one name may be several. Raises RunError besides."""
    if (folder := _run_of(model)) is not None:
        where = str(on) if str(on) in set_names() else _whole(on)
        keep(folder, "evaluations", {**read_kept(folder, "evaluations"), where: dict(found)})


def keep(run: str | Path, kind: str, found: Mapping[str, Any]) -> None:
    """Write what was found to the folder `run`; a later result of that kind takes its place. DiskError."""
    write_atomic(Path(run) / f"{kind}.json", json.dumps(dict(found), indent=1, allow_nan=False) + "\n")


def read_kept(run: str | Path, kind: str) -> dict[str, Any]:
    """What was kept; empty if nothing was. Raises RunError for a damaged file."""
    path = Path(run) / f"{kind}.json"
    if not exists(path):
        return {}
    try:
        found = json.loads(read_bounded(path, LIMIT, RunError))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RunError(f"'{path}' is damaged: it is not JSON. Delete it, and measure again.")
    return found


def _whole(path: str | Path) -> str:
    """A labels.csv is the same set as its folder."""
    folder, name = os.path.split(found := os.path.realpath(path))
    return folder if name == "labels.csv" else found


def _run_of(model: str | Path | None) -> Path | None:
    folder = Path(model) if model is not None and is_folder(model) else resolve(model).parent
    return folder if any(exists(folder / record) for record in (RECORD, COMMITTEE)) else None
