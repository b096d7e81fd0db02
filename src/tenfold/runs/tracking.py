"""The metrics of finished runs for TensorBoard, from their history.csv."""

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tenfold.harness.records.facts import Facts, read_facts


def track_runs(runs: Sequence[Path], to: Path) -> list[Path]:
    """Write each of `runs` to a folder of its name in `to`; the folders.

    All runs are read before anything is written. Raises RunError for one that is damaged or did not finish,
    MissingExtraError without tensorboard, DiskError.
    """
    from tenfold.training.track import need_tensorboard, write_history

    need_tensorboard()
    found = [read_facts(run) for run in runs]
    for facts in found:
        write_history(to / facts.name, _rows(facts), _began(facts))
    return [to / facts.name for facts in found]


def _rows(facts: Facts) -> list[dict[str, float]]:
    count = len(facts.history["epoch"])
    columns = {name: column.tolist() for name, column in facts.history.items()}
    return [
        {name: column[i] for name, column in columns.items() if math.isfinite(column[i])}
        for i in range(count)
    ]


def _began(facts: Facts) -> float:
    """The start of the run in seconds since 1970; 0 where the record does not say."""
    try:
        return datetime.fromisoformat(str(facts.record.get("started"))).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0
