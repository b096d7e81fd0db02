"""An HTTP answer as it comes over the wire: enough of it to count, to compare and to know where it ends."""

from typing import NamedTuple


class Answer(NamedTuple):
    status: int
    head: bytes
    body: bytes
    last: bool  # the service closes the connection after it

    @property
    def sound_refusal(self) -> bool:
        return b"error" in self.body and (self.status != 503 or b"\r\nretry-after:" in self.head.lower())


def whole_answer(received: bytes) -> Answer | None:
    """The answer in these bytes, or None while some of it is missing."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = received[:end]
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    length = int(lower[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    if len(received) < end + 4 + length:
        return None
    body = received[end + 4 : end + 4 + length]
    return Answer(int(received[9:12]), head, body, b"\r\nconnection: close" in lower)
