"""A model file of ours in OpenVINO: images a second over the 10,000 test images, its best batch, all cores.

Runs in an environment of its own (pip install openvino):

    python openvino_reader.py MODEL.onnx

Prints one JSON line: {"per_second": ..., "batch": ...}.
"""

import json
import sys
import time

import numpy as np
import openvino

images = np.random.default_rng(0).random((10_000, 1, 28, 28), np.float32)
core = openvino.Core()
best = (0.0, 0)
for batch in (16, 64, 256, 1000):
    model = core.read_model(sys.argv[1])
    model.reshape([batch, 1, 28, 28])
    compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    queue = openvino.AsyncInferQueue(compiled)
    chunks = [images[start : start + batch] for start in range(0, len(images) - batch + 1, batch)]
    for timed in (False, True, True):
        began = time.perf_counter()
        for chunk in chunks:
            queue.start_async({0: chunk}, share_inputs=True)
        queue.wait_all()
        if timed:
            best = max(best, (len(chunks) * batch / (time.perf_counter() - began), batch))
print(json.dumps({"per_second": best[0], "batch": best[1]}))
