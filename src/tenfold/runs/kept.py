"""What was measured of a run's model stays in the run's folder, for `tenfold report RUN RUN...`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tenfold.data.sets import set_names
from tenfold.harness.run_record import COMMITTEE, RECORD
from tenfold.harness.several_done import keep, read_kept
from tenfold.model import resolve


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


def _whole(path: str | Path) -> str:
    """A labels.csv is the same set as its folder."""
    folder, name = os.path.split(found := os.path.realpath(path))
    return folder if name == "labels.csv" else found


def _run_of(model: str | Path | None) -> Path | None:
    folder = Path(model) if model is not None and Path(model).is_dir() else resolve(model).parent
    return folder if any((folder / record).exists() for record in (RECORD, COMMITTEE)) else None
