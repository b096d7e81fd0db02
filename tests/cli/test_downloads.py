"""How a download shows itself."""

import errno
import io
import sys

import pytest

from tenfold.cli.counting import counting
from tenfold.cli.downloads import Downloads, fetching


def test_elsewhere_than_in_a_terminal_each_file_has_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with fetching() as store:
        assert store.progress is not None
        for file, total in (("a.gz", 10_000_000), ("b.gz", None)):
            for done in (1, 5_000_000, 10_000_000):
                store.progress(file, done, total)
    assert capsys.readouterr() == ("", "Fetching a.gz (10.0 MB)\nFetching b.gz\n")


def test_in_a_terminal_the_share_runs_and_the_line_is_ended(capsys: pytest.CaptureFixture[str]) -> None:
    show = Downloads(live=True)
    show("a.gz", 1, 10_000_000)
    show("a.gz", 10_000_000, 10_000_000)
    show.end_line()
    show.end_line()
    err = capsys.readouterr().err
    assert "100% of 10.0 MB" in err
    assert err.endswith(" \n")
    assert err.count("\n") == 1


@pytest.mark.parametrize("in_terminal", [True, False])
def test_what_cannot_be_shown_stops_no_work(in_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def isatty(self) -> bool:
            return in_terminal

        def write(self, _: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stderr", Full())
    with fetching() as store, counting("repeat") as count:
        assert store.progress is not None
        store.progress("a.gz", 1, 10)
        store.progress("a.gz", 10, 10)
        count(1, 2)
