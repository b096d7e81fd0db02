"""What the routes answer with: JSON that cannot fail to encode, and refusals as fixed sentences."""

import json
from typing import Any

from starlette.responses import Response

from tenfold.errors import ImageSizeError, ResourceError, TenfoldError, UnknownNameError
from tenfold.serving.lanes import BusyError

RETRY_AFTER = "1"  # seconds
BUSY = "The service is at its limit; try again in a second."


class RefusedError(Exception):
    """An answer that is no success: its status and its sentence, which is shown as it is.

    `reason` is the label under which metrics count it, where it is refused for a limit.
    """

    def __init__(self, status: int, sentence: str, reason: str | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.reason = status, sentence, reason


def json_answer(document: Any, status: int = 200) -> Response:
    """ASCII JSON without NaN: what `json.dumps` escapes can always be sent."""
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    return Response(text.encode("ascii"), status, media_type="application/json")


def refusal(error: Exception) -> RefusedError | None:
    """What an exception of a route means to the client; None for a fault of ours."""
    match error:
        case RefusedError():
            return error
        case BusyError():
            return RefusedError(503, BUSY, error.reason)
        case UnknownNameError():
            return RefusedError(404, str(error))
        case ImageSizeError():
            return RefusedError(413, str(error), "pixels")
        case ResourceError() | MemoryError():
            return RefusedError(503, "The machine has no room for this now; try again later.", "resources")
        case TenfoldError() if error.exit_code in (2, 3):
            return RefusedError(400, str(error))
    return None


def refuse(refused: RefusedError) -> Response:
    """{"error": sentence}, and when to come back where the server is full."""
    answer = json_answer({"error": refused.sentence}, refused.status)
    if refused.status == 503:
        answer.headers["retry-after"] = RETRY_AFTER
    if refused.status == 401:
        answer.headers["www-authenticate"] = "Bearer"
    return answer
