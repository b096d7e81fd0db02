"""Training digit classifiers: networks, recipes, distortions, callbacks and the loop. Needs the extra
`train`; without it an import raises MissingExtraError."""

from tenfold.errors import need_torch

need_torch()
