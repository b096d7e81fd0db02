"""/v1: the fields of the command line's JSON, over HTTP.

    curl --data-binary @seven.png localhost:8000/v1/predict
    curl --json '{"pixels": [[0, 255, ...], ...]}' localhost:8000/v1/predict
    curl --data-binary @form.jpg 'localhost:8000/v1/read?digits=8&checksum=luhn'
A body that is JSON holds the pixels of a picture, any other is a picture's file.
"""

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tenfold.errors import ImageSizeError
from tenfold.reading.expected import Expected
from tenfold.serving.answers import RefusedError, json_answer
from tenfold.serving.engine import Engine, Picture
from tenfold.serving.strict_json import numbers, only_keys, parse

WHITE = 255
MOST_DIGITS = 2_000  # that a page can be said to have


def routes(engine: Engine) -> list[BaseRoute]:
    async def predict(request: Request) -> Response:
        query = parameters(request, "model")
        found = await engine.predict(await picture(request, engine.settings.pixels), query.get("model"))
        return json_answer(vars(found))

    async def read(request: Request) -> Response:
        query = parameters(request, "model", "digits", "allowed", "checksum")
        model = query.pop("model", None)
        expected = Expected(_whole(query.get("digits")), query.get("allowed"), checksum=query.get("checksum"))
        found = await engine.read(await picture(request, engine.settings.pixels), expected, model)
        return json_answer(asdict(found))

    async def models(request: Request) -> Response:
        parameters(request)
        return json_answer({"models": await engine.once(engine.catalogue.described)})

    return [
        Route("/v1/predict", predict, methods=["POST"]),
        Route("/v1/read", read, methods=["POST"]),
        Route("/v1/models", models, methods=["GET"]),
    ]


def parameters(request: Request, *known: str) -> dict[str, str]:
    """The query, each parameter known and given once. Raises RefusedError."""
    pairs = request.query_params.multi_items()
    if not {name for name, _ in pairs} <= set(known):
        allowed = f"{', '.join(known)} and no other" if known else "no parameters"
        raise RefusedError(400, f"The query may have {allowed}.")
    if len(dict(pairs)) != len(pairs):
        raise RefusedError(400, "The query gives a parameter twice.")
    return dict(pairs)


async def picture(request: Request, limit: int) -> Picture:
    """The picture in a request's body: a file's bytes, or at most `limit` pixels of JSON. Raises
    RefusedError, ImageSizeError."""
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        raise RefusedError(415, "Send the picture's file itself as the body, not a form.")
    if kind == "application/json":
        document = parse(body)
        only_keys(document, "pixels")
        rows = pixels(document.get("pixels"))
        if rows.shape[0] * rows.shape[1] > limit:
            raise ImageSizeError(f"The picture has too many pixels; at most {limit:,} are allowed.")
        return rows
    if not body:
        raise RefusedError(400, "The body is empty; it must be a picture's file.")
    return body


def pixels(value: object) -> NDArray[np.uint8]:
    """uint8 [h, w] or RGB [h, w, 3] of nested lists of 0 to 255. Raises RefusedError."""
    array = numbers(value, {int}, "pixels")
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise RefusedError(400, "pixels must be rows of grey values, or rows of [red, green, blue].")
    if array.min() < 0 or array.max() > WHITE:
        raise RefusedError(400, "pixels must lie in 0 to 255.")
    return array.astype(np.uint8)


def _whole(value: str | None) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) <= 4 and int(value) <= MOST_DIGITS):
        raise RefusedError(400, f"digits must be a whole number from 0 to {MOST_DIGITS:,}.")
    return int(value)
