"""What a command may write to: a page or a drawing never takes the place of something else."""

import os
from collections.abc import Iterable
from pathlib import Path

from tenfold.errors import UsageError


def page(out: Path | None) -> Path | None:
    """The --out of a page: it ends in .html, so it is no picture, no labels.csv and no model. Raises
    UsageError."""
    return _must_end(out, "A page", (".html", ".htm"))


def drawing(out: Path | None) -> Path | None:
    """The --draw of a picture: a .png, and where there is one, it was drawn too. Raises UsageError."""
    _must_end(out, "A drawing", (".png",))
    if out is not None and out.is_file():
        from tenfold.reading.draw import is_drawing

        with out.open("rb") as file:
            drawn = is_drawing(file.read(1_000))
        if not drawn:
            raise UsageError(
                f"'{out}' is a picture that --draw did not make and would be lost; remove it "
                "or give another name."
            )
    return out


def refuse_over_input(out: Path | None, images: Iterable[str | Path]) -> None:
    """What a command makes does not take the place of a picture that it is made from."""
    if out is not None and os.path.realpath(out) in map(os.path.realpath, images):
        raise UsageError(f"'{out}' is a picture that is read and would be lost; give another name.")


def _must_end(out: Path | None, what: str, endings: tuple[str, ...]) -> Path | None:
    from tenfold.files import is_stream

    if out is None or is_stream(out):
        return out
    for path in (out, Path(os.path.realpath(out))):  # a link is followed
        if path.suffix.lower() not in endings:
            raise UsageError(f"{what} is written to a file that ends in {endings[0]}, not to '{path}'.")
    return out
