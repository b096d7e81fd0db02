"""The Open Inference Protocol v2 over HTTP, as stock `tritonclient.http` speaks it.

    POST /v2/models/NAME/infer    images FP32 [n, 1, 28, 28] in 0..1 -> probabilities, logits FP32 [n, 10]
Tensors come and go as JSON or, by the binary extension, as raw bytes behind the JSON. Each route is there
with and without a version; the only one is 1.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tenfold import __version__
from tenfold.onnx_check import CLASSES, IMAGE_SHAPE, INPUT, OUTPUTS
from tenfold.serving.answers import RefusedError, json_answer
from tenfold.serving.catalogue import VERSION
from tenfold.serving.engine import Engine
from tenfold.serving.security import LIVE, READY
from tenfold.serving.tensors import parse_request, write_answer

EXTENSIONS = ["binary_tensor_data"]
PLATFORM = "onnxruntime_onnx"


def routes(engine: Engine) -> list[BaseRoute]:
    async def is_live(_: Request) -> Response:
        return live()

    async def is_ready(_: Request) -> Response:
        return ready(engine.ready)

    async def server(_: Request) -> Response:
        return json_answer({"name": "tenfold", "version": __version__, "extensions": EXTENSIONS})

    async def model(request: Request) -> Response:
        return json_answer(metadata(_name(engine, request)))

    async def model_ready(request: Request) -> Response:
        name = _name(engine, request)
        await engine.reader(name)
        return json_answer({"name": name, "ready": engine.ready}, 200 if engine.ready else 503)

    async def infer(request: Request) -> Response:
        name = _name(engine, request)
        asked = parse_request(
            await request.body(),
            request.headers.get("inference-header-content-length"),
            engine.settings.batch,
        )
        probabilities, logits = await engine.infer(asked.images, name)
        return write_answer(asked, name, {"probabilities": probabilities, "logits": logits})

    found: list[BaseRoute] = [
        Route(LIVE, is_live, methods=["GET"]),
        Route(READY, is_ready, methods=["GET"]),
        Route("/v2", server, methods=["GET"]),
    ]
    for path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        found += [
            Route(f"{path}/infer", infer, methods=["POST"]),
            Route(f"{path}/ready", model_ready, methods=["GET"]),
            Route(path, model, methods=["GET"]),
        ]
    return found


def live() -> Response:
    return json_answer({"live": True})


def ready(state: bool) -> Response:
    return json_answer({"ready": state}, 200 if state else 503)


def metadata(name: str) -> dict[str, Any]:
    """What a model takes and gives, as the protocol describes it."""
    return {
        "name": name,
        "versions": [VERSION],
        "platform": PLATFORM,
        "inputs": [{"name": INPUT, "datatype": "FP32", "shape": [-1, *IMAGE_SHAPE]}],
        "outputs": [{"name": output, "datatype": "FP32", "shape": [-1, CLASSES]} for output in OUTPUTS],
    }


def _name(engine: Engine, request: Request) -> str:
    name = engine.catalogue.check(request.path_params["model"])
    if request.path_params.get("version", VERSION) != VERSION:
        raise RefusedError(404, f"There is no such version of the model; there is version {VERSION}.")
    return name
