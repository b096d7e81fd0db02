"""What the commands say of many trainings on standard error: what is to be done, then a line for each."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from tenfold.cli.output import message
from tenfold.harness.record import Watcher


class Lines(Watcher[Any]):
    """`images` says of a folder what its trainings see, `line` of one training what came of it; `opening` is
    said before the first."""

    def __init__(
        self,
        images: Callable[[Any], str],
        line: Callable[[Any, Mapping[str, Any]], str],
        quiet: bool,
        opening: str = "",
    ) -> None:
        self.images, self.line, self.quiet, self.opening = images, line, quiet, opening
        self.begun: list[Any] = []

    def begin(self, found: Any, done: int, at_once: int) -> None:
        if self.opening and not self.begun and not self.quiet:
            message(self.opening)
        self.begun.append(found)
        self.first, self.total, self.began = done, len(found.places()), time.perf_counter()
        if self.quiet:
            return
        name = found.record["recipe"]["name"]
        message(f"Training '{name}' {self.total} times on {self.images(found)}{side(found.record, at_once)}.")
        if done:
            message(f"{done} of {self.total} were done before.")

    def fit(self, found: Any, fit: Mapping[str, Any], done: int) -> None:
        """' 3/21  ...  18.4 s; about 36 s left'"""
        if self.quiet:
            return
        each = (time.perf_counter() - self.began) / (done - self.first)
        left = f"; about {each * (self.total - done):.0f} s left" if done < self.total else ""
        count = f"{done:{len(str(self.total))}}/{self.total}"
        message(f"{count}  {self.line(found, fit)}  {fit['seconds']:.1f} s{left}")


def side(record: Mapping[str, Any], at_once: int) -> str:
    """', 2 at once, 1 thread each; fp32'"""
    together = f", {at_once} at once" if at_once > 1 else ""
    threads = "1 thread" if record["threads"] == 1 else f"{record['threads']} threads"
    return f"{together}, {threads} each; {record['precision']}"
