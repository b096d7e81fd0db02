"""A network that reads whole lines, which is asked beside the one of single digits.

    lines = LineReader.shipped()
    lines.chances(strip)        log-probabilities float64 [t, 11] for every second column: a digit, or none
    lines.digits(images)        [n, 10]: that 28 x 28 pictures show one 0, one 1, ... and nothing else

It was never told where a digit begins or ends (CTC, `training/ctc.py`). Columns say one digit where they
are blank, then that digit, then blank: the sum over all such ways is the probability.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tenfold.data.preprocess import preprocess
from tenfold.kinds import DIGITS, LINE, MARGIN, STRIP
from tenfold.model import LINES, Model, read_model, resolve
from tenfold.onnx_check import INPUT, OUTPUTS
from tenfold.reading.sessions import Sessions

BLANK = len(DIGITS)
STEP = 2  # columns of a strip for each of the network's
FLOOR = -10.0  # the least log-probability of one digit: the network may be wrong

Floats = NDArray[np.float64]


class LineReader:
    """Reads with one model of whole lines. Threads may share it."""

    def __init__(self, model: Model) -> None:
        self._sessions = Sessions(model)

    @classmethod
    @cache
    def shipped(cls) -> "LineReader":
        """With the package's own model, read once. Raises ModelFileError where it was damaged."""
        return cls(read_model(resolve(LINES), kind=LINE))

    def chances(self, strip: NDArray[np.uint8]) -> Floats:
        """Of a strip uint8 [40, w] (`images/strip.py`): float64 [w // 2, 11], the last class is none."""
        even = np.pad(strip, ((0, 0), (0, strip.shape[1] % STEP)))
        return self._columns(preprocess(even[None]))[:, 0]

    def digits(self, images: NDArray[np.float32]) -> Floats:
        """Of float32 [n, 1, 28, 28] in 0..1: log-probabilities float64 [n, 10], FLOOR at least."""
        rows = (STRIP[0] - images.shape[2]) // 2
        strips = np.pad(images, ((0, 0), (0, 0), (rows, rows), (MARGIN, MARGIN)))
        found: Floats = np.maximum(one_digit(self._columns(strips))[-1], FLOOR)
        return found

    def _columns(self, strips: NDArray[np.float32]) -> Floats:
        """Float64 [t, n, 11] of float32 [n, 1, 40, 2 t]."""
        (found,) = self._sessions.mine.run(OUTPUTS[:1], {INPUT: strips})
        columns: Floats = np.log(found[:, :, 0].astype(np.float64) + 1e-12).transpose(2, 0, 1)
        return columns


def one_digit(columns: Floats) -> Floats:
    """Of `columns` [t, n, 11]: the log-probabilities [t + 1, n, 10] that the first 0, 1, ... t of them are
    blank, one at least, then one digit, then blank or at their end."""
    sums = np.full((len(columns) + 1, columns.shape[1], BLANK), -np.inf)
    within = behind = sums[0]  # of all that were read: a digit is being read, or is read
    before, blanks = -np.inf, 0.0  # and so far blank: a digit can begin, after the first
    for step, column in enumerate(columns, 1):
        digit, blank = column[:, :BLANK], column[:, BLANK:]
        behind = np.logaddexp(within, behind) + blank
        within = np.logaddexp(within, before) + digit
        before = blanks = blanks + blank
        sums[step] = np.logaddexp(within, behind)
    return sums
