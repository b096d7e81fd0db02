"""The page of `predict --explain`: each picture with its ink, the 28 x 28 that is read, and the answer."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.harness.html.markup import Markup, figure, pairs, percent, section, text, times
from tenfold.harness.html.page import page
from tenfold.harness.html.pictures import coloured
from tenfold.reading.explain import SHOWN, Explanation


def render(found: Sequence[Explanation], model: str) -> str:
    """The whole page; every step is shown as dark ink on light, whatever the picture is."""
    unsure = sum(one.prediction.unsure for one in found)
    header = (
        f"<h1>{text(times(len(found), 'picture'))} <span>explained</span></h1>"
        f'<p class="quiet">Read with the model {text(model)}; unsure of {text(unsure)}.</p>'
    )
    contents = {f"p{place}": text(_name(one)) for place, one in enumerate(found)}
    body = "".join(_section(f"p{place}", one) for place, one in enumerate(found))
    title = f"{times(len(found), 'picture')} explained"
    return page("explain", title, header, contents, body, f"Made by Tenfold with the model {text(model)}.")


def _name(one: Explanation) -> str:
    return (one.prediction.file or "").replace("\\", "/").rpartition("/")[2]


def _section(anchor: str, one: Explanation) -> str:
    answer = one.prediction
    verdict = f"{answer.label}, {percent(answer.confidence)}"
    lead = f"Read as <b>{verdict}</b>." if one.why is None else f"<b>Unsure</b>: {text(one.why)}"
    large = cv2.resize(one.image, (SHOWN, SHOWN), interpolation=cv2.INTER_NEAREST)
    steps = [
        _step(one.picture, "The picture", one.seen),
        _step(255 - one.ink, "Its ink", "how far each pixel departs from the paper around it"),
        _step(255 - np.asarray(large, np.uint8), "What is read", one.made),
    ]
    top = ", ".join(f"{digit}: {percent(chance)}" for digit, chance in one.top)
    facts = [
        ("most probable", Markup(top)),
        ("sure from", Markup(percent(one.needed))),
        ("ink begins at, full ink at", f"{one.threshold}, {one.contrast} grey levels from the paper"),
    ]
    if one.again is not None:
        facts.insert(0, ("second look", text(one.again)))
    return section(
        anchor, text(_name(one)), "", lead, f'<div class="road">{"".join(steps)}</div>', pairs(facts)
    )


def _step(plane: NDArray[np.uint8], title: str, words: str) -> str:
    rgb = plane if plane.ndim == 3 else np.repeat(plane[..., None], 3, axis=2)
    return figure(coloured(rgb, title), title, text(words))
