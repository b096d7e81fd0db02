"""The report's section on learning: loss and accuracy by epoch, with the epoch that was kept."""

import numpy as np

from tenfold.harness.html.axes import accuracy_axis, epoch_axis, loss_axis
from tenfold.harness.html.charts import Line, line_chart, spread
from tenfold.harness.html.markup import details, figure, percent, section, table, whole
from tenfold.harness.records.facts import Facts

ENDINGS = {
    "early": "training stopped early, since validation no longer improved",
    "limit": "training ended at its limit of epochs",
    "last": "the last epoch is kept, without a choice",
}
MOST_ROWS = 100


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
        "during the epoch, with whatever makes learning harder: dropout, distortions, smoothed labels. So "
        "they may look worse than those of validation."
    )
    count, shown = record["counts"].get("train"), record["recipe"].get("shown")
    if isinstance(count, int) and isinstance(shown, int) and shown < count:
        lead += f" After the first epoch they are of {whole(shown)} images, half of them the hardest."
    if record["recipe"].get("nondigits"):
        lead += " The training loss is also that of pictures of no digit, each of which has 2.30 or more."
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


def _table(facts: Facts) -> str:
    history = facts.history
    rows = [
        (
            f"{history['epoch'][i]:g}"
            + (" (kept)" if history["epoch"][i] == facts.record["kept_epoch"] else ""),
            f"{history['loss'][i]:.4f}",
            percent(history["accuracy"][i]),
            f"{history['val_loss'][i]:.4f}".replace("nan", "–"),
            percent(history["val_accuracy"][i]),
        )
        for i in spread(len(history["epoch"]), MOST_ROWS)
    ]
    head = ("epoch", "loss", "accuracy", "validation loss", "validation accuracy")
    return table("Loss and accuracy by epoch", head, rows, "numbers")
