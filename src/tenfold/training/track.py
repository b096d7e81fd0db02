"""The metrics of history.csv for TensorBoard: while a training goes on, or of a finished run.

    tenfold.train("fast", callbacks=[TensorBoard("logs/fast-0")])
    write_history("logs/fast-0", rows)              the rows of a history.csv, written at once

`tensorboard --logdir logs` then shows them under the names that Keras gives them: `epoch_loss` and
`epoch_accuracy` of `train` and of `validation` lie over each other, by epochs counted from 1. Needs the
package tensorboard and no other; numbers are kept as float32, as TensorBoard does.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.errors import DiskError, MissingExtraError
from tenfold.files import make_folder
from tenfold.training.callbacks import Callback, Logs

if TYPE_CHECKING:
    from tenfold.training.loop import Trainer

# column of history.csv -> (folder, tag)
TAGS = {
    "loss": ("train", "epoch_loss"),
    "accuracy": ("train", "epoch_accuracy"),
    "learning_rate": ("train", "epoch_learning_rate"),
    "seconds": ("train", "epoch_seconds"),
    "val_loss": ("validation", "epoch_loss"),
    "val_accuracy": ("validation", "epoch_accuracy"),
}


class TensorBoard(Callback):
    """Write each epoch's metrics to `log_dir` as soon as it is done.

    A training that begins anew or is resumed in the same `log_dir` takes the place of what was written there
    for its epochs. Raises MissingExtraError where tensorboard is not installed, DiskError.
    """

    def __init__(self, log_dir: str | Path) -> None:
        need_tensorboard()
        self.log_dir = Path(log_dir)
        self._files: dict[str, EventFile] = {}

    def on_train_begin(self, trainer: "Trainer") -> None:
        folders = ("train", "validation") if trainer.validation is not None else ("train",)
        self._files = {name: EventFile(self.log_dir / name, trainer.epoch + 1) for name in folders}

    def on_epoch_end(self, trainer: "Trainer", logs: Logs) -> None:
        _write(self._files, trainer.epoch, logs, time.time())

    def on_train_end(self, trainer: "Trainer") -> None:  # noqa: ARG002
        for file in self._files.values():
            file.close()
        self._files = {}


def write_history(log_dir: str | Path, rows: Iterable[Mapping[str, float]], began: float = 0.0) -> None:
    """Write the `rows` of a history.csv: `epoch` and any of TAGS. `began` is the start in seconds since 1970.

    Raises as TensorBoard does.
    """
    need_tensorboard()
    rows = list(rows)
    folders = {TAGS[name][0] for row in rows for name in row if name in TAGS}
    files = {name: EventFile(Path(log_dir) / name, 1) for name in sorted(folders)}
    for row in rows:
        began += row.get("seconds", 0.0)
        _write(files, int(row["epoch"]), row, began)
    for file in files.values():
        file.close()


def need_tensorboard() -> None:
    """Raises MissingExtraError where the extra `track` is not installed."""
    if find_spec("tensorboard") is None:
        raise MissingExtraError("Writing for TensorBoard", "track")


class EventFile:
    """A file of events in `folder`, in TensorBoard's own records; it replaces what is there from `epoch` on.

    The name holds the time and the process, so that no two writers share one.
    """

    def __init__(self, folder: Path, epoch: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # type: ignore[import-untyped]
        from tensorboard.summary.writer.record_writer import RecordWriter  # type: ignore[import-untyped]

        make_folder(folder)
        self.path = folder / f"events.out.tfevents.{time.time_ns():019d}.{os.getpid()}.tenfold"
        with _disk_errors(self.path):
            self._file = open(self.path, "xb")  # noqa: SIM115 - it lives as long as the training
        self._records = RecordWriter(self._file)
        self._event: Any = Event
        self._add(wall_time=time.time(), file_version="brain.Event:2")
        self._add(wall_time=time.time(), step=epoch, session_log=SessionLog(status=SessionLog.START))

    def write(self, epoch: int, values: Mapping[str, float], when: float) -> None:
        """The metrics of one epoch by their tags, on disk when this returns."""
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]

        found = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._add(wall_time=when, step=epoch, summary=Summary(value=found))

    def close(self) -> None:
        with _disk_errors(self.path):
            self._file.close()

    def _add(self, **fields: Any) -> None:
        with _disk_errors(self.path):
            self._records.write(self._event(**fields).SerializeToString())
            self._file.flush()


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as cause:
        raise DiskError(f"'{path}' cannot be written: {cause.strerror}.") from None


def _write(files: Mapping[str, EventFile], epoch: int, row: Mapping[str, float], when: float) -> None:
    for folder, file in files.items():
        values = {tag: row[name] for name, (place, tag) in TAGS.items() if place == folder and name in row}
        file.write(epoch, values, when)
