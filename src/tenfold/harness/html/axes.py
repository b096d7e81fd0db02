"""The axes of charts of learning: losses, accuracies, epochs.

Loss is drawn on a logarithmic scale, and accuracy as the logarithm of the error: 99 % and 99.5 % then stand
as far apart as 90 % and 95 %.
"""

import numpy as np

from tenfold.harness.html.charts import Axis, even_ticks, log_ticks
from tenfold.metrics import Floats

SMALLEST_LOSS = 1e-6  # of what is drawn: a loss of 0 has no logarithm


def loss_axis(columns: dict[str, Floats]) -> tuple[Axis, dict[str, Floats]]:
    """The axis for losses, and the losses as they are placed on it: their decimal logarithms."""
    floored = {name: np.maximum(values, SMALLEST_LOSS) for name, values in columns.items()}
    marks = [(float(np.log10(tick)), f"{tick:.6g}") for tick in log_ticks(*_span(floored))]
    curves = {name: np.log10(values) for name, values in floored.items()}
    return Axis("", marks[0][0], marks[-1][0], marks), curves


def accuracy_axis(columns: dict[str, Floats]) -> tuple[Axis, dict[str, Floats]]:
    """The axis for accuracies, and these as they are placed on it: minus the logarithms of the errors."""
    errors = {name: 1 - np.clip(values, 0, 1) for name, values in columns.items()}
    some = [values[values > 0].min() for values in errors.values() if (values > 0).any()]
    least = min(some, default=1e-4) / 2  # where an accuracy of 1 is drawn
    floored = {name: np.maximum(values, least) for name, values in errors.items()}
    low, high = _span(floored)
    ticks = log_ticks(min(low, 0.5), high)  # an error is at most 1, so the ticks end there
    marks = [(float(-np.log10(tick)), f"{100 * (1 - tick):.6g} %") for tick in reversed(ticks)]
    curves = {name: -np.log10(values) for name, values in floored.items()}
    return Axis("", marks[0][0], marks[-1][0], marks), curves


def _span(columns: dict[str, Floats]) -> tuple[float, float]:
    values = np.concatenate(list(columns.values()))
    values = values[np.isfinite(values)]
    return float(values.min()), float(values.max())


def epoch_axis(epochs: Floats) -> Axis:
    """The axis that holds all of `epochs`, which count from 1."""
    first, last = float(epochs.min()), float(epochs.max())
    pad = max((last - first) * 0.04, 0.1)
    ticks = sorted({round(tick) for tick in even_ticks(first, last, 6)} | {round(first)})
    return Axis("epoch", first - pad, last + pad, [(tick, f"{tick}") for tick in ticks])
