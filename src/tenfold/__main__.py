"""`tenfold` and `python -m tenfold`. An error of ours is one sentence and an exit code, no traceback."""

import codecs
import io
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import IO


def main() -> None:
    from tenfold.cli.app import app
    from tenfold.errors import TenfoldError

    signal.signal(signal.SIGTERM, _terminated)
    if sys.stderr is None:  # it was closed; print would take standard output in its place
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - as long as the program
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error("tenfold", _as_bytes_or_escaped)
        sys.stdout.reconfigure(errors="tenfold")
    try:
        app(prog_name="tenfold")
    except TenfoldError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except MemoryError:
        _fail("There is not enough memory; close other programs or choose a smaller input.", 4)
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error), 4)
    finally:
        _drop_what_is_refused(sys.stderr)


def _terminated(signal_number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """SIGTERM unwinds the program as an interrupt does, so that nothing is left half-written."""
    sys.exit(143)


def _as_bytes_or_escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """A file's name that is no text is printed as the bytes it is; what the encoding lacks is escaped."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


def _fail(sentence: str, code: int) -> None:
    with suppress(OSError):  # where nobody reads, the exit code says it
        print(f"tenfold: {sentence}", file=sys.stderr)
    if sys.stdout is not None:
        _drop_what_is_refused(sys.stdout)
    sys.exit(code)


def _drop_what_is_refused(stream: IO[str]) -> None:
    """Python would end with 120 for what a full disk did not take."""
    from tenfold.cli.output import discard

    try:
        stream.flush()
    except OSError:
        discard(stream)


if __name__ == "__main__":
    main()
