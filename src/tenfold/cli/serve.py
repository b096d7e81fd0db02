"""`tenfold serve`: the page and the HTTP service. Each limit of `serving/settings.py` is an option here."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli.options import Json, ModelArgument
from tenfold.cli.output import emit, message, result
from tenfold.errors import InputError, MissingExtraError, UsageError
from tenfold.serving.settings import LOOPBACK, Settings

TOKEN_VARIABLE = "TENFOLD_TOKEN"
_TOKEN_LENGTHS = range(16, 4_097)
_LOCAL = (LOOPBACK, "localhost", "::1")


def _limit(least: float, help_: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(metavar="N", min=least, help=help_)
    return option


def serve(
    model: ModelArgument = None,
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0 takes any free one.")] = (
        Settings.port
    ),
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 is the whole network.")
    ] = Settings.host,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A further name that requests may be sent to, as behind a proxy; may be repeated.",
            show_default=False,
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"Ask for the token in this file; {TOKEN_VARIABLE} in the environment does the same.",
            show_default=False,
        ),
    ] = None,
    corrections: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the page saves digits that you set right.")
    ] = Path(Settings.corrections),
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the browser.")] = False,
    log: Annotated[bool, typer.Option("--log", help="One JSON line a request on standard error.")] = False,
    threads: Annotated[
        int, typer.Option(metavar="N", min=1, max=256, help="Threads that predict; one more reads pages.")
    ] = Settings.threads,
    image_bytes: Annotated[int, _limit(1, "Bytes of a picture.")] = Settings.image_bytes,
    tensor_bytes: Annotated[int, _limit(1, "Bytes of a request to infer.")] = Settings.tensor_bytes,
    pixels: Annotated[int, _limit(1, "Pixels of a picture.")] = Settings.pixels,
    batch: Annotated[int, _limit(1, "Images of a request to infer.")] = Settings.batch,
    header_bytes: Annotated[int, _limit(256, "Bytes of a request's head.")] = Settings.header_bytes,
    receive: Annotated[float, _limit(0.1, "Seconds to send a whole request.")] = Settings.receive,
    keep_alive: Annotated[float, _limit(0.1, "Seconds a connection may idle.")] = Settings.keep_alive,
    connections: Annotated[int, _limit(1, "Open connections.")] = Settings.connections,
    concurrency: Annotated[int, _limit(1, "Requests in work.")] = Settings.concurrency,
    buffered_bytes: Annotated[int, _limit(1, "Bytes of all bodies at once.")] = Settings.buffered_bytes,
    queue: Annotated[int, _limit(1, "Digits that wait.")] = Settings.queue,
    queue_wait: Annotated[float, _limit(0.001, "Seconds that they may.")] = Settings.queue_wait,
    page_queue: Annotated[int, _limit(1, "Pages that wait.")] = Settings.page_queue,
    page_wait: Annotated[float, _limit(0.001, "Seconds that they may.")] = Settings.page_wait,
    search: Annotated[float, _limit(0.01, "Seconds to look for a right checksum.")] = Settings.search,
    drain_delay: Annotated[
        float, _limit(0, "Seconds from a signal to end until the door closes.")
    ] = Settings.drain_delay,
    drain: Annotated[float, _limit(0, "Seconds from then for what is in work.")] = Settings.drain,
    json: Json = False,
) -> None:
    """Serve a page to draw on, and an HTTP service.

    Only this machine is answered, unless --host says otherwise. What is beyond a limit is refused with one
    sentence. A signal to end lets what is in work be finished; a second one does not.
    """
    _need_extra()
    from tenfold.files import exists, is_folder
    from tenfold.serving.server import serve

    if exists(corrections) and not is_folder(corrections):
        raise UsageError(f"--corrections takes a folder, and '{corrections}' is a file.")

    token = _token(token_file)
    if host not in _LOCAL and token is None:
        message("tenfold: whoever reaches this machine can ask without a token; --token-file asks for one.")

    def started(address: str, network: str | None) -> None:
        if json:
            emit({"address": address, "network": network})
        else:
            for_others = f", for other machines at {network}" if network else ""
            result(f"Tenfold is at {address}{for_others} (Ctrl-C ends it).")
        if not no_open:
            import threading
            import webbrowser

            # not here: w3m and lynx stay until they are left, and ask for the page before
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()

    settings = Settings(
        model=model,
        host=host,
        port=port,
        allowed_hosts=tuple(allow_host or ()),
        token=token,
        log=log,
        corrections=str(corrections),
        threads=threads,
        image_bytes=image_bytes,
        tensor_bytes=tensor_bytes,
        pixels=pixels,
        batch=batch,
        header_bytes=header_bytes,
        receive=receive,
        keep_alive=keep_alive,
        connections=connections,
        concurrency=concurrency,
        buffered_bytes=buffered_bytes,
        queue=queue,
        queue_wait=queue_wait,
        page_queue=page_queue,
        page_wait=page_wait,
        search=search,
        drain_delay=drain_delay,
        drain=drain,
    )
    serve(settings, started)


def _token(file: Path | None) -> str | None:
    """From the file or the environment, never from the command line, which every user of a machine can read.

    Raises UsageError, InputError.
    """
    from tenfold.files import read_bounded

    if file is not None:
        data = read_bounded(file, _TOKEN_LENGTHS.stop, InputError, "The token file")
        token = data.decode("ascii", "replace").strip()
    else:
        token = os.environ.get(TOKEN_VARIABLE, "")
        if not token:
            return None
    if (
        len(token) not in _TOKEN_LENGTHS
        or not token.isascii()
        or not token.isprintable()
        or set(" %") & {*token}
    ):
        raise UsageError(
            "A token is one word of 16 to 4,096 ASCII characters without %, which stands for others in the "
            "page's address; `openssl rand -hex 32` makes one."
        )
    return token


def _need_extra() -> None:
    """Raises MissingExtraError."""
    try:
        import httptools  # noqa: F401
        import prometheus_client  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise MissingExtraError("Serving", "serve") from None
