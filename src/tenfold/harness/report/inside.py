"""The page of `inside`: one digit on its way through the network."""

from collections.abc import Iterable

import numpy as np

from tenfold.harness.html.charts import share_bar
from tenfold.harness.html.markup import Markup, figure, percent, section, table, text, times
from tenfold.harness.html.page import page
from tenfold.harness.html.pictures import coloured, grey, picture, two_colours
from tenfold.harness.inside import PATCH, Look, Map, Neighbours

CONTENTS = {
    "answer": "Answer",
    "filters": "Filters",
    "planes": "Feature maps",
    "evidence": "Evidence",
    "nearest": "Nearest digits",
    "map": "Map",
}
MOST_PLANES = 64  # of a layer
SIDE = 360  # units of the map


def render(found: Look, model: str, name: str, given: int | None = None) -> str:
    """The whole page. `name` says which digit this is, `given` its label where there is one."""
    verdict = ""
    if given is not None:
        verdict = ", as it is labelled" if given == found.label else f", but it is labelled {given}"
    header = (
        f"<h1>{text(model)} <span>from inside</span></h1>"
        f'<div class="headline inside">{picture(found.image, name)}<div>'
        f"<p><b>{text(name)}</b> is read as <b>{found.label}</b>{verdict}: "
        f"{percent(found.confidence)} sure.</p>"
        '<p class="quiet">What each layer makes of it, what the answer rests on, and which training digits '
        "are like it to the network.</p></div></div>"
    )
    parts = [_answer(found), _filters(found), _planes(found), _evidence(found)]
    body = "".join([*parts, _nearest(found.nearest, found.among), _map(found.map, found.label)])
    origin = f"Made by Tenfold from the model file {text(model)}."
    return page("inside", f"{model}: {name}", header, CONTENTS, body, origin)


def _answer(found: Look) -> str:
    rows = [
        (digit, Markup(share_bar(float(share))), percent(float(share)))
        for digit, share in enumerate(found.probabilities)
    ]
    body = table("Probability of each digit", ("digit", "", "probability"), rows, "numbers answer")
    return section("answer", "Answer", "1 image", "The calibrated probability of each digit.", body)


def _filters(found: Look) -> str:
    if found.filters is None:
        return section("filters", "Filters", "", "This network has no convolution.")
    count, _, height, width = found.filters.shape
    lead = (
        f"The first layer's {count} filters of {height} × {width} pixels: each answers where ink lies under "
        "blue and none under red."
    )
    if found.networks > 1:
        lead += (
            f" The model is a committee of {found.networks} networks; filters and feature maps are those of "
            "the first, everything else is the committee's."
        )
    tiles = _grid(coloured(two_colours(kernel[0]), f"filter {i}") for i, kernel in enumerate(found.filters))
    return section("filters", "First filters", times(count, "filter"), lead, tiles)


def _planes(found: Look) -> str:
    parts = []
    for name, planes in found.planes.items():
        shown = planes[:MOST_PLANES]
        scaled = grey(np.concatenate(list(shown), 0)).reshape(shown.shape)  # one scale for the layer
        count = "" if len(shown) == len(planes) else f", the first {MOST_PLANES} of them"
        tiles = _grid(picture(plane, f"plane {i}") for i, plane in enumerate(scaled))
        parts.append(f"<h3>Layer {text(name).replace(' x ', ' × ')}{count}</h3>{tiles}")
    lead = "Where each filter finds what it looks for in this digit."
    return section("planes", "Feature maps", "1 image", lead, *parts) if parts else ""


def _grid(images: Iterable[str]) -> str:
    return f'<div class="maps">{"".join(images)}</div>'


def _evidence(found: Look) -> str:
    both = [
        ("covered", found.covered, "Covered: what if there were paper?"),
        ("inked", found.inked, "Inked: what if there were ink?"),
    ]
    drawings = [
        figure(
            coloured(two_colours(plane, found.image), f"evidence by place, {name}"),
            caption,
            f"{plane.min():+.2g} to {plane.max():+.2g} nats",
        )
        for name, plane, caption in both
    ]
    lead = (
        f"A square of {PATCH} × {PATCH} pixels is painted over at every place in turn. Blue: the evidence "
        f"for {found.label} falls, so the place as it is speaks for it. Red: it rises."
    )
    return section(
        "evidence", "Evidence", "1 image", lead, f'<div class="evidence">{"".join(drawings)}</div>'
    )


def _nearest(found: Neighbours, among: int) -> str:
    cards = "".join(
        f"<li>{picture(image, f'training digit {index}, labelled {label}')}<p><b>{label}</b></p>"
        f'<p class="quiet">{similarity:.3f}</p><p class="quiet">image {index:,}</p></li>'
        for index, label, similarity, image in zip(
            found.indices, found.labels, found.similarity, found.images, strict=True
        )
    )
    lead = "By the cosine between what the last layer is given for them, from -1 to 1."
    return section(
        "nearest",
        "Nearest training digits",
        f"among {times(among, 'image')}",
        lead,
        f'<ul class="cards">{cards}</ul>',
    )


def _map(found: Map, label: int) -> str:
    every = np.concatenate([found.points, found.here[None]])
    low, high = every.min(0), every.max(0)
    placed = 14 + (every - low) / np.maximum(high - low, 1e-12) * (SIDE - 28)
    marks = "".join(
        f'<text class="d{digit}" x="{x:.1f}" y="{SIDE - y + 3:.1f}">{digit}</text>'
        for (x, y), digit in zip(placed[:-1], found.labels, strict=True)
    )
    x, y = placed[-1]
    here = f'<circle class="here" cx="{x:.1f}" cy="{SIDE - y:.1f}" r="9"/>'
    drawing = (
        f'<svg class="chart map" viewBox="0 0 {SIDE} {SIDE}" role="img"><title>Map of the embedding</title>'
        f"<desc>training digits by their two main axes; the ring is this digit, read as {label}</desc>"
        f"{marks}{here}</svg>"
    )
    shares = [percent(float(share), 1) for share in found.explained]
    lead = (
        "Training digits, each drawn as its label, where the network's last layer sees them. Of many "
        f"dimensions these are the two in which they differ most ({shares[0]} and {shares[1]} of the "
        "variance), so what overlaps here may be well apart. The ring is this digit."
    )
    return section(
        "map", "Map", times(len(found.labels), "training image"), lead, f"<figure>{drawing}</figure>"
    )
