"""Where the service listens, what it offers and every limit it keeps, each with its default."""

from dataclasses import dataclass, fields

from tenfold.errors import UsageError

MIB = 1 << 20
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Settings:
    """One run of the service. Bytes, pixels and seconds; raises UsageError for a limit out of its range.

    `model` is as in `tenfold.Reader`: None is the shipped default. All shipped models are offered beside it.
    """

    model: str | None = None
    host: str = LOOPBACK
    port: int = 8000  # 0: any free one
    allowed_hosts: tuple[str, ...] = ()  # names beside those of the loopback that a Host header may give
    token: str | None = None  # each request but probes and the page must bear it
    log: bool = False
    corrections: str = "tenfold-corrections"  # folder of the digits that were set right on the page
    threads: int = 1  # that predict; one more reads pages, one does errands

    image_bytes: int = MIB
    tensor_bytes: int = 8 * MIB
    pixels: int = 4_000_000
    batch: int = 1_024
    header_bytes: int = 16 << 10
    receive: float = 10.0  # seconds to send a whole request, or to take the answer
    keep_alive: float = 75.0  # above the 60 s of common proxies, which else meet a closed connection
    connections: int = 2_048
    concurrency: int = 512  # requests in work at once, those that wait in a queue included
    buffered_bytes: int = 64 * MIB  # of all bodies together
    queue: int = 128  # pictures of one digit that wait
    queue_wait: float = 0.25
    page_queue: int = 16  # pages and large pictures that wait, and as many errands
    page_wait: float = 5.0
    search: float = 2.0  # seconds that a page is searched for a reading whose checksum is right
    drain_delay: float = 0.0  # between "not ready" and the closing of the door
    drain: float = 10.0  # for what is in work then

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            least = 0 if field.name in ("port", "drain_delay", "drain") else 1 if field.type is int else 0.001
            if not least <= value < 1e12:
                option = f"--{field.name.replace('_', '-')}"
                raise UsageError(f"{option} must be at least {least} and below 10^12, not {value}.")
        if self.port > 65_535:
            raise UsageError(f"A port is a number up to 65535, not {self.port}.")
