"""The report's section on learning: loss and accuracy by epoch, with the epoch that was kept.

Loss is drawn on a logarithmic scale, and accuracy as the logarithm of the error: 99 % and 99.5 % then stand
as far apart as 90 % and 95 %.
"""

import numpy as np

from tenfold.harness.charts import Axis, Line, even_ticks, line_chart, log_ticks
from tenfold.harness.facts import Facts
from tenfold.harness.markup import details, figure, percent, section, table, whole
from tenfold.metrics import Floats

ENDINGS = {
    "early": "training stopped early, since validation no longer improved",
    "limit": "training ended at its limit of epochs",
    "last": "the last epoch is kept, without a choice",
}
MOST_ROWS = 100
SMALLEST_LOSS = 1e-6  # of what is drawn: a loss of 0 has no logarithm


def learning(facts: Facts) -> str:
    history, record = facts.history, facts.record
    epochs, kept = history["epoch"], record["kept_epoch"]
    counts = f"{whole(record['counts'].get('train', '?'))} training images"
    validated = bool(np.isfinite(history["val_loss"]).any())
    if validated:
        counts += f", {whole(record['counts'].get('validation', '?'))} validation images"
    ending = ENDINGS.get(str(record.get("stopped")), "")
    if record.get("stopped") == "early" and record["recipe"].get("patience", 0) is None:
        ending = "a callback stopped the training early"
    lead = (
        f"Epoch {kept} of {len(epochs)} was kept{ending and '; ' + ending}. Training figures are taken "
        "during the epoch, with dropout and distortions on, so they may look worse than those of validation."
    )
    count, shown = record["counts"].get("train"), record["recipe"].get("shown")
    if isinstance(count, int) and isinstance(shown, int) and shown < count:
        lead += f" After the first epoch they are of {whole(shown)} images, half of them the hardest."
    drawings = []
    for key, caption in (
        ("loss", "Loss (logarithmic scale)"),
        ("accuracy", "Accuracy (wider towards 100 %)"),
    ):
        curves = {"training": history[key]} | ({"validation": history[f"val_{key}"]} if validated else {})
        at = int(np.flatnonzero(epochs == kept)[0])
        values = ", ".join(f"{name} {curve[at]:.4f}" for name, curve in curves.items())
        y, drawn = loss_axis(curves) if key == "loss" else accuracy_axis(curves)
        lines = [Line(name, name, epochs, curve) for name, curve in drawn.items()]
        about = f"at epoch {kept}, which was kept: {values}"
        drawing = line_chart(f"{key} by epoch", about, epoch_axis(epochs), y, lines, (kept, f"kept: {kept}"))
        drawings.append(figure(drawing, caption, counts))
    both = f'<div class="two">{"".join(drawings)}</div>'
    return section("learning", "Learning", counts, lead, both, details(_table(facts)))


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


def _table(facts: Facts) -> str:
    history = facts.history
    count = len(history["epoch"])
    shown = np.unique(np.linspace(0, count - 1, min(count, MOST_ROWS)).round().astype(int))
    rows = [
        (
            f"{history['epoch'][i]:g}"
            + (" (kept)" if history["epoch"][i] == facts.record["kept_epoch"] else ""),
            f"{history['loss'][i]:.4f}",
            percent(history["accuracy"][i]),
            f"{history['val_loss'][i]:.4f}".replace("nan", "–"),
            percent(history["val_accuracy"][i]),
        )
        for i in shown
    ]
    head = ("epoch", "loss", "accuracy", "validation loss", "validation accuracy")
    return table("Loss and accuracy by epoch", head, rows, "numbers")
