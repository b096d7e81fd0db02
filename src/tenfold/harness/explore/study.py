"""The trials of a search, in a journal that several processes and machines may share: Optuna's storage.

    study = Study(folder, space, own, seed=0)
    trial = study.take(most=20)           one that a dead process left, or a new one; None if there are enough
    study.report(trial, training)         at once on disk
    study.end(trial, whole=True)

A trial belongs to the process that holds a lock on the file of its `worker`; the system gives that lock back
when the process ends, and then the trial is anybody's, with what it had reached. A new trial's parameters
follow from the seed, its number and the trials before it alone: Optuna's TPE, begun anew for each, so that a
search whose trials run one after the other is the same after any interruption.
"""

import re
import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tenfold.errors import MissingExtraError, RunError
from tenfold.files import exists, make_folder
from tenfold.harness.explore.space import Parameters, Space, distributions, rounded
from tenfold.harness.explore.trainings import NINTHS, Measured, Training
from tenfold.harness.records.lock import Lock

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna.trial import FrozenTrial

JOURNAL = "study.journal"
WORKERS = "workers"
WORKER = re.compile("[0-9a-f]{16}")
NAME = "tenfold"
STARTUP = 10  # trials drawn at random before TPE has something to go by
LIMIT = 1 << 28  # bytes


class Trial(NamedTuple):
    """What is known of one: parameters by path, what was measured by ninths of the images, and how it ended:
    running, whole (on all images) or halted."""

    number: int
    parameters: Parameters
    measured: dict[int, Measured]
    state: str
    worker: str
    unchanged: bool
    """the recipe as it is"""

    @property
    def reached(self) -> int:
        """The most ninths it was measured on, or 0."""
        return max(self.measured, default=0)


class Study:
    """Raises RunError for a journal that is damaged or of another search."""

    def __init__(self, folder: Path, space: Space, own: Parameters | None, *, seed: int) -> None:
        self.path, self.space, self.own, self.seed = folder / JOURNAL, space, own, seed
        self.workers = make_folder(folder / WORKERS)
        self.lock = Lock(folder / "study.lock")
        self.worker = secrets.token_hex(8)
        self.alive = Lock(self.workers / self.worker)
        self.alive.acquire()
        try:
            with self._reading():
                self._study = self._open()
            self._check()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """What this process has not ended is anybody's from now on."""
        self.alive.release()
        self.alive.path.unlink(missing_ok=True)

    def trials(self) -> list[Trial]:
        """In the order they were begun."""
        with self._reading():
            return [trial for frozen in self._frozen() if (trial := _trial(frozen, self.own))]

    def take(self, most: int) -> Trial | None:
        """A trial to go on with: one of a dead process, or a new one if there are fewer than `most`."""
        with self.lock:
            trials = self.trials()
            for trial in trials:
                if trial.state == "running" and trial.worker != self.worker and self._is_dead(trial.worker):
                    self._set(trial.number, "worker", self.worker)
                    return trial
            if len(trials) >= most:
                return None
            self._add(self._propose(len(trials)))
            return self.trials()[-1]

    def report(self, trial: int, made: Training) -> None:
        """`made` of `trial`; what was measured before stays."""
        self._set(trial, f"ninths {made.number}", list(made.measured))
        with self._reading():
            self._storage.set_trial_intermediate_value(
                self._identity(trial), made.number, made.measured.error
            )

    def end(self, trial: Trial, *, whole: bool) -> None:
        """`trial` is not gone on with: it was measured on all images, or halted."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        with self._reading(), suppress(UpdateFinishedTrialError, ValueError):  # ended elsewhere already
            if whole:
                self._study.tell(trial.number, trial.measured[NINTHS[-1]].error)
            else:
                self._study.tell(trial.number, state=TrialState.PRUNED)

    def _open(self) -> "OptunaStudy":
        try:
            import optuna
            from optuna.storages import JournalStorage
            from optuna.storages.journal import JournalFileBackend
        except ImportError:
            raise MissingExtraError("A search", "train") from None
        journal_lock: Any = Lock(self.path.with_name("journal.lock"))
        with journal_lock:
            _cut_torn_line(self.path)
        self._storage = JournalStorage(JournalFileBackend(str(self.path), lock_obj=journal_lock))
        with silent():
            return optuna.create_study(
                storage=self._storage, study_name=NAME, direction="minimize", load_if_exists=True
            )

    def _check(self) -> None:
        wanted = distributions(self.space)
        with self._reading():
            fitting = all(frozen.distributions == wanted for frozen in self._frozen())
        if not fitting:
            raise RunError(f"'{self.path}' holds the trials of another search; choose another --out.")

    def _propose(self, number: int) -> Parameters:
        """The first is the recipe as it is, if the space has it."""
        if number == 0 and self.own is not None:
            return self.own
        import optuna

        from tenfold.training.order import derive

        with silent():
            sampler = optuna.samplers.TPESampler(
                seed=derive(self.seed, "search", number) % 2**32, n_startup_trials=STARTUP, constant_liar=True
            )
            memory = optuna.create_study(direction="minimize", sampler=sampler)
            memory.add_trials(self._frozen())
            return rounded(self.space, memory.ask(distributions(self.space)).params)

    def _add(self, parameters: Parameters) -> None:
        """One line of the journal: a trial is there with its parameters and its worker, or it is not."""
        from optuna.trial import TrialState, create_trial

        self._study.add_trial(
            create_trial(
                state=TrialState.RUNNING,
                params=dict(parameters),
                distributions=distributions(self.space),
                user_attrs={"worker": self.worker},
            )
        )

    def _frozen(self) -> "list[FrozenTrial]":
        return self._study.get_trials(deepcopy=False)

    def _set(self, trial: int, name: str, value: Any) -> None:
        with self._reading():
            self._storage.set_trial_user_attr(self._identity(trial), name, value)

    def _identity(self, trial: int) -> int:
        study = self._storage.get_study_id_from_name(NAME)
        return self._storage.get_trial_id_from_study_id_trial_number(study, trial)

    def _is_dead(self, worker: str) -> bool:
        lock = Lock(self.workers / Path(worker).name)
        if not lock.acquire(wait=False):
            return False
        lock.release()
        lock.path.unlink(missing_ok=True)
        return True

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Optuna trusts its journal; whatever it stumbles on in a damaged one is one sentence."""
        try:
            yield
        except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError):
            raise RunError(f"'{self.path}' is damaged; choose another --out.") from None


def _trial(frozen: "FrozenTrial", own: Parameters | None) -> Trial | None:
    measured = {}
    for ninths in NINTHS:
        values = frozen.user_attrs.get(f"ninths {ninths}")
        if values is not None and ninths in frozen.intermediate_values:
            if not Measured.is_sound(values):
                raise ValueError
            measured[ninths] = Measured(*values)
    states = {"RUNNING": "running", "COMPLETE": "whole", "PRUNED": "halted"}
    state = states.get(frozen.state.name)
    worker = frozen.user_attrs["worker"]
    if not isinstance(worker, str) or not WORKER.fullmatch(worker):
        raise ValueError
    unchanged = own is not None and frozen.number == 0
    return Trial(frozen.number, frozen.params, measured, state, worker, unchanged) if state else None


def _cut_torn_line(path: Path) -> None:
    """A line that was being written as the power went is no line; what follows must not be joined to it."""
    if not exists(path) or not path.stat().st_size:
        return
    if path.stat().st_size > LIMIT:
        raise RunError(f"'{path}' has {path.stat().st_size:,} bytes; at most {LIMIT:,} are allowed.")
    with open(path, "rb+") as file:
        content = file.read()
        if not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)


@contextmanager
def silent() -> Iterator[None]:
    """Optuna tells of each study that it makes, and warns of what it may change one day."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(level)
