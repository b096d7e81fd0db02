"""The page to draw, photograph and correct on, and what it asks the service beside /v1.

    GET  /                    the page; its style and scripts under /page/, from memory
    GET  /page/models         the models with what their files say of them, and how much may be sent
    POST /page/look           a picture -> the answer of /v1/predict, the 28 x 28 and where the evidence lies
    POST /page/steps          a picture -> each layer's values
    POST /page/picture        a picture -> the same as PNG, for what browsers do not show
    POST /page/corrections    a digit and its label -> into the user's own folder

All work goes through the engine's queues, as that of /v1 does.
"""

import base64
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tenfold.errors import DiskError
from tenfold.files import sha256
from tenfold.images.png import write_png
from tenfold.reading import Reader
from tenfold.serving.answers import RefusedError, json_answer
from tenfold.serving.api import parameters
from tenfold.serving.api import picture as picture_of
from tenfold.serving.engine import Engine, Picture
from tenfold.serving.site_corrections import Corrections
from tenfold.serving.site_layers import Inside, in_base64

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
FULL = 507  # Insufficient Storage


def routes(engine: Engine, corrections: Path) -> list[BaseRoute]:
    """`corrections` is the folder that corrected digits are saved in."""
    return [*_assets(), *_Site(engine, Corrections(corrections)).routes()]


def _assets() -> list[BaseRoute]:
    """One route a file, so that no request names a path."""
    folder = files("tenfold.serving") / "page"
    found = [child for child in folder.iterdir() if Path(child.name).suffix in TYPES]
    return [
        Route(
            "/" if child.name == "index.html" else f"/page/{child.name}",
            _asset(child.name, child.read_bytes()),
        )
        for child in sorted(found, key=lambda child: child.name)
    ]


def _asset(name: str, content: bytes) -> Callable[[Request], Any]:
    headers = {"etag": f'"{sha256(content)[:16]}"', "cache-control": "no-cache"}

    async def asset(request: Request) -> Response:
        if headers["etag"] in request.headers.get("if-none-match", ""):  # one of a list, or weak
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=TYPES[Path(name).suffix])

    return asset


class _Site:
    def __init__(self, engine: Engine, corrections: Corrections) -> None:
        self._engine = engine
        self._corrections = corrections
        self._insides: dict[str, Inside] = {}  # by model; made and used on the engine's one lane of errands

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/page/models", self.models, methods=["GET"]),
            Route("/page/look", self.look, methods=["POST"]),
            Route("/page/steps", self.steps, methods=["POST"]),
            Route("/page/picture", self.picture, methods=["POST"]),
            Route("/page/corrections", self.correct, methods=["POST"]),
        ]

    async def models(self, request: Request) -> Response:
        parameters(request)
        settings = self._engine.settings
        return json_answer(
            {
                "default": self._engine.catalogue.default,
                "limits": {"bytes": settings.image_bytes, "pixels": settings.pixels},
                "models": await self._engine.once(self._cards),
            }
        )

    async def look(self, request: Request) -> Response:
        reader, body = await self._given(request)
        return json_answer(await self._engine.errand(lambda: self._look(reader, body)))

    async def steps(self, request: Request) -> Response:
        reader, body = await self._given(request)
        return json_answer(await self._engine.errand(lambda: self._steps(reader, body)))

    async def picture(self, request: Request) -> Response:
        parameters(request)
        body = await picture_of(request, self._engine.settings.pixels)
        return json_answer({"png": await self._engine.run(lambda: self._png(body))})

    async def correct(self, request: Request) -> Response:
        label = parameters(request, "label").get("label", "")
        if label not in tuple("0123456789"):
            raise RefusedError(400, "label must be a digit, 0 to 9.")
        body = await picture_of(request, self._engine.settings.pixels)
        try:
            count = await self._engine.errand(
                lambda: self._corrections.save(self._engine.decode(body), int(label))
            )
        except DiskError:
            raise RefusedError(
                FULL,
                "The folder of corrections cannot be written to; see to its permissions and to the disk.",
            ) from None
        return json_answer({"folder": str(self._corrections.folder), "count": count})

    async def _given(self, request: Request) -> tuple[Reader, Picture]:
        query = parameters(request, "model")
        body = await picture_of(request, self._engine.settings.pixels)
        return await self._engine.reader(query.get("model")), body

    def _inside(self, reader: Reader) -> Inside:
        key = reader.model.sha256
        if key not in self._insides:
            self._insides[key] = Inside(reader.model)
        return self._insides[key]

    def _look(self, reader: Reader, body: Picture) -> dict[str, Any]:
        digit = self._engine.digit(body)
        inside = self._inside(reader)
        values = inside.values(digit)
        found = reader.prediction(reader.probabilities(digit[None])[0], blank=not digit.any())
        evidence = inside.evidence(values, found.label) if digit.any() else None
        return {**vars(found), "seen": in_base64(digit), "evidence": evidence}

    def _steps(self, reader: Reader, body: Picture) -> dict[str, Any]:
        digit = self._engine.digit(body)
        inside = self._inside(reader)
        return {"seen": in_base64(digit), "steps": inside.steps(inside.values(digit))}

    def _png(self, body: Picture) -> str:
        return base64.b64encode(write_png(self._engine.decode(body))).decode()

    def _cards(self) -> list[dict[str, Any]]:
        catalogue = self._engine.catalogue
        return [{**one, **self._card(catalogue.load(one["name"]))} for one in catalogue.described()]

    def _card(self, reader: Reader) -> dict[str, Any]:
        metadata = reader.metadata
        return {
            "temperature": metadata.temperature,
            "threshold": metadata.thresholds.get("confidence", 0.0),
            "recipe": dict(metadata.recipe),
            "data": dict(metadata.data),
            "layers": self._inside(reader).layers,
        }
