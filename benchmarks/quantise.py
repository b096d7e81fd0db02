"""What 8-bit integers give: each shipped model quantised, its errors and its speed beside the float one.

    python benchmarks/quantise.py [--rounds 5]

As `tenfold quantise` does it, and as ONNX Runtime's own static quantisation does, with a scale for each
channel; both calibrated on the same 1,000 of the 55,000 training images. Errors on the 5,000 validation
images, by which alone it is judged (a model that was trained on all 60,000 knows them, so the number of
errors is low for both; the difference counts). Speed by turns, one core.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime
from inference import per_second
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from results import load, markdown_table, measured, save, write_table

from tenfold.data import load_training, split
from tenfold.data.preprocess import preprocess
from tenfold.harness.quantise import quantise
from tenfold.model import list_models, read_model, resolve
from tenfold.onnx_check import INPUT
from tenfold.runs.quantised import MORE, calibrating

BATCH = 32


class Images(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, images: NDArray[np.float32]) -> None:
        self.batches: Iterator[NDArray[np.float32]] = iter(np.split(images, len(images) // 100))

    def get_next(self) -> dict[str, Any] | None:
        batch = next(self.batches, None)
        return None if batch is None else {INPUT: batch}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    parts = split(load_training())
    images = calibrating(parts.train)
    with tempfile.TemporaryDirectory() as scratch:
        found = [
            {
                "model": name,
                **measure(
                    {
                        "float": resolve(name).read_bytes(),
                        "int8": quantise(read_model(resolve(name)), images, name=f"{name}-int8"),
                        "tool": by_tool(resolve(name), preprocess(images), Path(scratch)),
                    },
                    preprocess(parts.validation.images),
                    parts.validation.labels,
                    rounds,
                ),
            }
            for name in list_models()
            if read_model(resolve(name)).metadata.precision == "float32"
        ]
    save("quantise", {"rounds": rounds, "models": found})
    write_table("quantise", table())


def by_tool(model: Path, images: NDArray[np.float32], scratch: Path) -> bytes:
    ready, quantised = scratch / f"{model.stem}-ready.onnx", scratch / f"{model.stem}-int8.onnx"
    quant_pre_process(str(model), str(ready), skip_symbolic_shape=True)
    quantize_static(
        str(ready),
        str(quantised),
        Images(images),
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return quantised.read_bytes()


def measure(
    files: dict[str, bytes], ready: NDArray[np.float32], labels: NDArray[np.uint8], rounds: int
) -> dict[str, Any]:
    """Errors, bytes and images a second of each."""
    sessions = {kind: session(data) for kind, data in files.items()}
    speeds: dict[str, list[float]] = defaultdict(list)
    errors = {}
    for _ in range(rounds):
        for kind, opened in sessions.items():

            def run(opened: onnxruntime.InferenceSession = opened) -> list[Any]:
                starts = range(0, len(ready), BATCH)
                return [opened.run(["logits"], {INPUT: ready[i : i + BATCH]})[0] for i in starts]

            errors[kind] = int((np.concatenate(run()).argmax(1) != labels).sum())
            speeds[kind].append(per_second(run, len(ready)))
    return {
        "errors": errors,
        "bytes": {kind: len(data) for kind, data in files.items()},
        "per_second": {kind: median(values) for kind, values in speeds.items()},
    }


def session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def table() -> str:
    record = load("quantise")
    assert record is not None
    head = [
        "model",
        "errors of 5,000, float",
        "int8",
        "more",
        "by ONNX Runtime's tool",
        "images/s, float",
        "int8",
        "ratio",
        "by the tool",
        "kB",
        "int8",
    ]
    rows = [
        [
            f"`{found['model']}`",
            str(found["errors"]["float"]),
            str(found["errors"]["int8"]),
            f"{found['errors']['int8'] - found['errors']['float']:+d}",
            str(found["errors"]["tool"]),
            f"{found['per_second']['float']:,.0f}",
            f"{found['per_second']['int8']:,.0f}",
            f"{found['per_second']['int8'] / found['per_second']['float']:.2f}",
            f"{found['per_second']['tool']:,.0f}",
            f"{found['bytes']['float'] / 1000:,.0f}",
            f"{found['bytes']['int8'] / 1000:,.0f}",
        ]
        for found in record["models"]
    ]
    return "\n\n".join(
        [
            "### Eight-bit integers",
            markdown_table(head, rows),
            f"5,000 validation images; batches of {BATCH} on one core, medians of {record['rounds']} rounds. "
            f"More than {MORE} errors more, or no gain in speed, and it is not shipped. "
            f"{measured(record)}",
        ]
    )


if __name__ == "__main__":
    main()
