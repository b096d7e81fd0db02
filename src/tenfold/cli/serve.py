"""`tenfold serve`: the page and the HTTP service."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli.completion import model_names
from tenfold.cli.options import MODEL_HELP
from tenfold.cli.output import result
from tenfold.errors import MissingExtraError


def serve(
    model: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help=MODEL_HELP, show_default=False, autocompletion=model_names),
    ] = None,
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0 takes any free one.")] = 8000,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="0.0.0.0 answers the whole network.")
    ] = "127.0.0.1",
    corrections: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the page saves digits that you set right.")
    ] = Path("tenfold-corrections"),
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the browser.")] = False,
) -> None:
    """Serve a page to draw on and an HTTP service, on this machine alone unless told otherwise."""
    need_starlette()
    from tenfold.serving.server import serve
    from tenfold.serving.settings import Settings

    def started(address: str) -> None:
        result(f"Tenfold is at {address} (Ctrl-C ends it).")
        if not no_open:
            import webbrowser

            webbrowser.open(address)

    serve(Settings(model=model, port=port, host=host, corrections=str(corrections)), started)


def need_starlette() -> None:
    """Raises MissingExtraError."""
    try:
        import httptools  # noqa: F401
        import prometheus_client  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise MissingExtraError("Serving", "serve") from None
