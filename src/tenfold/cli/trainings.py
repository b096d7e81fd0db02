"""What commands that train many times share: what they say on standard error, and what they work with."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.cli.batch import trainings_on
from tenfold.cli.downloads import fetching
from tenfold.cli.output import message, told_how_to_go_on
from tenfold.harness.records.record import Watcher

if TYPE_CHECKING:
    from tenfold.data import Store
    from tenfold.harness.estimates.trainings import Engine

# with fewer, `fast` on 300 images of MNIST is still learning: 93 % at 30, 95 at 100, 96 at 200
FEW_STEPS = 200


class Lines(Watcher[Any]):
    """`plan` says of a folder what is to be done in it, `line` of one training what came of it; `opening` is
    said before the first. `alike`: each takes as long, so that the time left can be told."""

    def __init__(
        self,
        plan: Callable[[Any], str],
        line: Callable[[Any, Mapping[str, Any]], str],
        quiet: bool,
        opening: str = "",
        alike: bool = True,
    ) -> None:
        self.plan, self.line, self.quiet, self.opening, self.alike = plan, line, quiet, opening, alike
        self.begun: list[Any] = []

    def begin(self, found: Any, done: int, total: int, at_once: int) -> None:
        if self.opening and not self.begun and not self.quiet:
            message(self.opening)
        self.begun.append(found)
        self.first, self.total, self.began = done, total, time.perf_counter()
        if self.quiet:
            return
        message(f"{self.plan(found)}{_side(found.record, at_once)}.")
        if done:
            message(f"{done} of {self.total} were done before.")

    def fit(self, found: Any, fit: Mapping[str, Any], done: int) -> None:
        """' 3/21  ...  18.4 s; about 36 s left'"""
        if self.quiet:
            return
        left = ""
        if self.alike and done < self.total:
            each = (time.perf_counter() - self.began) / (done - self.first)
            left = f"; about {each * (self.total - done):.0f} s left"
        count = f"{done:{len(str(self.total))}}/{self.total}"
        message(f"{count}  {self.line(found, fit)}{left}")


@contextmanager
def many_trainings(
    lines: Lines,
    what: str,
    engine: str | None,
    address: str | None,
    offline: bool,
    import_from: Path | None = None,
) -> Iterator[tuple["Engine | None", "Store"]]:
    """What carries the trainings out (None: processes of this machine), and where sets come from. What breaks
    them off leaves the word that `what` was done is kept."""
    with (
        told_how_to_go_on(lines.begun, what),
        fetching(offline, import_from, quiet=lines.quiet) as store,
        trainings_on(engine, address) as carry_out,
    ):
        yield carry_out, store


def trainings_of(found: Any) -> str:
    """'Training 'fast' 21 times'"""
    return f"Training '{found.record['recipe']['name']}' {len(found.places())} times"


def _side(record: Mapping[str, Any], at_once: int) -> str:
    """', 2 at once, 1 thread each; fp32'"""
    together = f", {at_once} at once" if at_once > 1 else ""
    threads = "1 thread" if record["threads"] == 1 else f"{record['threads']} threads"
    return f"{together}, {threads} each; {record['precision']}"
