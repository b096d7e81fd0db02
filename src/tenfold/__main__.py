"""`tenfold` and `python -m tenfold`. An error of ours becomes one sentence and its exit code; no
traceback."""

import os
import sys


def main() -> None:
    from tenfold.cli.app import app
    from tenfold.errors import TenfoldError

    try:
        app()
    except TenfoldError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except MemoryError:
        _fail("There is not enough memory; close other programs or choose a smaller input.", 4)
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error), 4)


def _fail(sentence: str, code: int) -> None:
    print(f"tenfold: {sentence}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
