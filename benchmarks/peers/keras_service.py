"""The baseline net in Keras 3 behind a plain handler, as a tutorial would serve it: the peer.

Runs in an environment of its own (pip install keras tensorflow-cpu pillow starlette uvicorn httptools):

    python keras_service.py WEIGHTS [--call]        WEIGHTS: w0 to w6 of the shipped model file, as .npz

POST /v1/predict takes a picture of 28x28 as Tenfold does and answers with its fields. --call asks the model
itself in place of its `predict`, which is quicker for one picture. Prints its address as JSON.
"""

import argparse
import io
import json
import os
import socket

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import uvicorn
from keras_baseline import build
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route


def load(path):
    """The same net with the same weights: torch has channels before rows, Keras behind columns."""
    weights = np.load(path)
    flat = weights["w4"].reshape(10, 64, 5, 5).transpose(2, 3, 1, 0).reshape(1600, 10)
    temperature = weights["w6"]
    model = build()
    model.set_weights(
        [
            weights["w0"].transpose(2, 3, 1, 0),
            weights["w1"],
            weights["w2"].transpose(2, 3, 1, 0),
            weights["w3"],
            flat / temperature,
            weights["w5"] / temperature,
        ]
    )
    return model


def application(model, call):
    async def predict(request):
        image = Image.open(io.BytesIO(await request.body())).convert("L")
        pixels = np.asarray(image, np.float32)[None, ..., None] / 255
        answer = np.asarray(model(pixels, training=False)) if call else model.predict(pixels, verbose=0)
        probabilities = answer[0].tolist()
        label = int(np.argmax(probabilities))
        found = {"label": label, "confidence": probabilities[label], "probabilities": probabilities}
        return Response(json.dumps(found, separators=(",", ":")), media_type="application/json")

    return Starlette(routes=[Route("/v1/predict", predict, methods=["POST"])])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weights")
    parser.add_argument("--call", action="store_true")
    asked = parser.parse_args()
    model = load(asked.weights)
    model.predict(np.zeros((1, 28, 28, 1), np.float32), verbose=0)  # compiled before the first request
    listener = socket.create_server(("127.0.0.1", 0), backlog=2_048)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print(json.dumps({"address": f"http://127.0.0.1:{listener.getsockname()[1]}/"}), flush=True)
    app = application(model, asked.call)
    uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
