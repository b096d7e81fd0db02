"""Learning to read whole lines: connectionist temporal classification (Graves and others, 2006).

    trainer = train_lines(load_training().split(), threads=2)
    trainer.network                       strips [n, 1, 40, 320] -> logits [n, 11, 1, 160]

At every second column of a strip the network says which digit stands there, or none (BLANK). No column is
labelled: the loss is the negative log-probability of the line's digits, summed over all ways to lay them out.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from tenfold.data.labelled import Split
from tenfold.errors import UsageError
from tenfold.training.augment import Augmentation
from tenfold.training.drawn.lines import NOTHING, Lines, draw_lines
from tenfold.training.loop import Examples, Trainer
from tenfold.training.networks import Columns
from tenfold.training.recipes import Recipe

BLANK = NOTHING  # the class of a column where no digit is
STRIPS = 32_768, 2_048  # drawn to learn from, and to validate

LINES = Recipe(
    name="lines",
    summary="reads whole lines, digits that touch and overlap; for pages, beside a reader of single digits",
    network=Columns(),
    epochs=16,
    batch_size=32,
    learning_rate=4e-3,
    betas=(0.9, 0.99),
    schedule="linear",
    warm_up=0.05,
    weight_decay=0.02,
    augmentation=Augmentation(shift=1.5, rotation=1.5, shear=0.15, elastic=2, thickness=0.3),
)


class LineExamples(Examples):
    """Strips float32 [n, 1, HEIGHT, WIDTH] and their digits int64 [n, LONGEST], BLANK behind the last."""

    def __init__(self, lines: Lines, device: torch.device) -> None:
        self.checksum = lines.checksum
        self.pixels = torch.as_tensor(lines.images[:, None], device=device)
        self.labels = torch.tensor(lines.labels, dtype=torch.int64, device=device)

    def loss(
        self, logits: Tensor, targets: Tensor, *, smoothing: float = 0.0, reduction: str = "mean"
    ) -> Tensor:
        """CTC of `logits` float32 [n, 11, 1, t], per strip; a strip too full to be laid out counts as 0.
        Raises UsageError for a recipe with label smoothing."""
        if smoothing:
            raise UsageError("Lines are learnt without label smoothing.")
        chances = logits.squeeze(2).log_softmax(1).permute(2, 0, 1)  # t, n, class
        lengths = torch.full((len(targets),), len(chances))
        found = F.ctc_loss(
            chances, targets, lengths, (targets != BLANK).sum(1), BLANK, reduction="sum", zero_infinity=True
        )
        return found / len(targets) if reduction == "mean" else found

    def right(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Strips whose most probable columns spell all of their digits."""
        best = logits.squeeze(2).argmax(1)
        before = F.pad(best, (1, 0), value=BLANK)[:, :-1]
        begins = (best != BLANK) & (best != before)
        place = torch.where(begins, begins.cumsum(1), 0).clamp(max=targets.shape[1] + 1)
        spelt = torch.full((len(best), targets.shape[1] + 2), BLANK, device=best.device)
        spelt = spelt.scatter(1, place, best)  # place 0 takes what is no beginning, the last what is too much
        same = (spelt[:, 1:-1] == targets).all(1) & (begins.sum(1) == (targets != BLANK).sum(1))
        return same.sum()

    def answerable(self, chosen: Tensor | slice) -> int:
        """All that are `chosen`: a strip may be right without a digit."""
        return len(self.labels[chosen])


def train_lines(
    data: Split,
    recipe: Recipe = LINES,
    *,
    strips: tuple[int, int] = STRIPS,
    seed: int = 0,
    threads: int = 1,
    kept: Path | None = None,
) -> Trainer:
    """Draw so many `strips` of both sides of `data` and learn from the first; `evaluate` of the trainer's
    `validation` tells how many of the second are read without an error.

    By `threads` and as many processes; `kept` is a folder that keeps what is drawn: see `drawing`.
    """
    device = torch.device("cpu")
    drawn = (draw_lines(side, count, seed, kept, threads) for side, count in zip(data, strips, strict=True))
    training, validation = (LineExamples(lines, device) for lines in drawn)
    torch.set_num_threads(threads)
    trainer = Trainer(recipe, training, validation, seed=seed)
    trainer.run()
    return trainer
