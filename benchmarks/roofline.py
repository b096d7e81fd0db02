"""Which part of this machine's peak each recipe's training reaches, and where the rest of the time goes.

    python benchmarks/roofline.py                 all recipes
    python benchmarks/roofline.py fast reader     some

The peak is what torch's own matrix product of 2048 x 2048 gives, in fp32 and in bf16. A training step costs
6 floating-point operations for each multiply-accumulate of the forward pass, but for the first convolution,
whose input needs no gradient: 4. Steps are timed on random bytes; the table of where the time goes comes from
torch's profiler on the same steps.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from results import load, markdown_table, measured, save, write_table
from torch import nn
from torch.profiler import ProfilerActivity, profile

from tenfold.data import Labelled
from tenfold.training.loop import Trainer
from tenfold.training.recipes import RECIPES, Recipe

SIDE = 2048
STEPS = 40
ROUNDS = 5

# the parts of a step, by the name of what torch ran; the first that fits
PARTS = {
    "convolution": ("mkldnn_convolution", "aten::convolution", "cudnn_convolution"),
    "its gradients": ("convolution_backward",),
    "pooling": ("pool",),
    "norm": ("batch_norm",),
    "linear": ("addmm", "aten::mm"),
    "optimizer": ("Optimizer", "foreach", "adam"),
    "distortion": ("grid_sampl", "affine_grid", "upsample", "aten::lerp", "unfold"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", default=list(RECIPES))
    names = parser.parse_args().recipes
    peaks = {"fp32": peak(torch.float32), "bf16": peak(torch.bfloat16)}
    found = [measure(RECIPES[name], peaks) for name in names]
    save("roofline", {"threads": torch.get_num_threads(), "peaks": peaks, "recipes": found})
    write_table("roofline", table())


def peak(dtype: torch.dtype) -> float:
    """GFLOP/s of a matrix product: the median of some rounds."""
    a, b = torch.randn(2, SIDE, SIDE).to(dtype).unbind()
    seconds = timed(lambda: a @ b)
    return 2 * SIDE**3 / seconds / 1e9


def timed(run: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of one `run`: the median of ROUNDS rounds of `repeats`, after one that warms up."""
    rounds = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        for _ in range(repeats):
            run()
        rounds.append((time.perf_counter() - began) / repeats)
    return statistics.median(rounds[1:])


def measure(recipe: Recipe, peaks: dict[str, float]) -> dict[str, Any]:
    """One recipe: seconds a step, GFLOP/s, share of the peak, and the shares of a step's parts."""
    draw = np.random.default_rng(0)
    count = recipe.batch_size * STEPS
    images = draw.integers(0, 256, (count, 28, 28), np.uint8)
    data = Labelled("noise", images, draw.integers(0, 10, count, np.uint8))
    trainer = Trainer(replace(recipe, epochs=100, views=0, nondigits=0.0), data)
    batches = torch.arange(count).view(STEPS, recipe.batch_size)
    trainer.network.train()
    seconds = timed(lambda: [trainer._step(batch) for batch in batches], 1) / STEPS
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        for batch in batches:
            trainer._step(batch)
    forward, first = macs(trainer.network)
    flop = recipe.batch_size * (6 * forward - 2 * first)
    return {
        "recipe": recipe.name,
        "precision": trainer.precision,
        "batch": recipe.batch_size,
        "macs": forward,
        "milliseconds": 1e3 * seconds,
        "gflops": flop / seconds / 1e9,
        "share": flop / seconds / 1e9 / peaks[trainer.precision],
        "parts": parts({event.key: event.self_cpu_time_total for event in watched.key_averages()}),
    }


def macs(network: nn.Module) -> tuple[int, int]:
    """Multiply-accumulates of one image's forward pass: of all convolutions and linear layers, and of the
    first of them."""
    found: list[int] = []

    def count(layer: nn.Module, _: object, out: torch.Tensor) -> None:
        weights = sum(weight.numel() for name, weight in layer.named_parameters() if name == "weight")
        found.append(weights * (out.shape[2] * out.shape[3] if out.ndim == 4 else 1))

    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    was_training = network.training
    with torch.no_grad():
        network.eval()(torch.zeros(1, 1, 28, 28))
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return sum(found), found[0]


def parts(times: dict[str, float]) -> dict[str, float]:
    """Share of the time that each of PARTS took; what fits none of them is 'the rest'."""
    shares = dict.fromkeys((*PARTS, "the rest"), 0.0)
    total = sum(times.values())
    for name, spent in times.items():
        fits = (part for part, words in reversed(PARTS.items()) if any(word in name for word in words))
        shares[next(fits, "the rest")] += spent / total
    return shares


def table() -> str:
    record = load("roofline")
    assert record is not None
    rows = [
        [
            f"`{found['recipe']}`",
            f"{found['macs'] / 1e6:.2f}",
            str(found["batch"]),
            f"{found['milliseconds']:.1f}",
            f"{found['gflops']:.0f}",
            f"{found['share']:.0%} of {found['precision']}",
            *(f"{share:.0%}" for share in found["parts"].values()),
        ]
        for found in record["recipes"]
    ]
    head = ["recipe", "MMAC", "batch", "ms a step", "GFLOP/s", "of the peak", *PARTS, "the rest"]
    peaks = ", ".join(f"{value:.0f} GFLOP/s in {name}" for name, value in record["peaks"].items())
    return "\n\n".join(
        [
            "### What part of the machine's peak a training reaches, and where its time goes",
            markdown_table(head, rows),
            f"The peak, a product of {SIDE} x {SIDE} matrices on {record['threads']} threads: {peaks}. "
            f"{measured(record)}",
        ]
    )


if __name__ == "__main__":
    main()
