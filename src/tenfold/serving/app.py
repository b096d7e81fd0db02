"""The service as one ASGI application.

app = build_app(Settings())          # Starlette's router behind our guard; its lifespan loads the model
tenfold serve                        # the same, on a port
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.routing import BaseRoute, Router

from tenfold.serving import api, inference, metrics, openapi, site
from tenfold.serving.catalogue import Catalogue
from tenfold.serving.engine import Engine
from tenfold.serving.guard import Guard
from tenfold.serving.settings import Settings


def build_app(settings: Settings) -> Guard:
    """Raises ModelFileError or UnknownNameError where the model cannot be found, UsageError for a host."""
    engine = Engine(Catalogue(settings.model), settings)
    measured = metrics.Metrics(engine)
    routes: list[BaseRoute] = [
        *api.routes(engine),
        *inference.routes(engine),
        *metrics.routes(measured),
        *openapi.routes(settings),
        *site.routes(engine, Path(settings.corrections)),
    ]

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        await engine.start()
        yield
        engine.stop()

    router = Router(routes, redirect_slashes=False, lifespan=lifespan)
    return Guard(router, engine, measured, settings)
