"""The page of `audit`: pictures with the given and the suggested label, the doubtfullest first."""

from collections import Counter

from tenfold.data.labelled import Labelled
from tenfold.harness.audit import Audit, Suspect
from tenfold.harness.html.markup import pairs, percent, section, text, times, whole
from tenfold.harness.html.page import page
from tenfold.harness.html.pictures import picture

CONTENTS = {"suspects": "Suspects", "pairs": "Pairs"}
MOST_PAIRS = 10


def render(found: Audit, name: str, images: Labelled | None) -> str:
    """The whole page; `images` are those audited, in their order, or None where they are not at hand."""
    tiles = [
        ("images audited", whole(found.count)),
        ("answered otherwise", whole(found.disagreements)),
        ("surely otherwise", whole(found.confident)),
        ("shown here", whole(len(found.suspects))),
    ]
    header = (
        f"<h1>Label audit <span>{text(name)}</span></h1>"
        f'<p class="lead">The labels of {text(found.on)} that are most likely to be wrong, by the answers of '
        "models that were not trained on these images. Each is a question to a person: models err too.</p>"
        f"{pairs(tiles, 'tiles')}"
    )
    body = _suspects(found, images) + _pairs(found)
    origin = f"Made by Tenfold from the answers of <b>{text(name)}</b>."
    return page("label audit", f"Label audit of {found.on}", header, CONTENTS, body, origin)


def _suspects(found: Audit, images: Labelled | None) -> str:
    lead = (
        "Ranked by the margin: the probability of the given label less that of the suggested one. "
        "'Surely otherwise' counts images answered as surely as images of the suggested class are on average."
    )
    if not found.suspects:
        return section(
            "suspects", "Suspects", times(found.count, "image"), "The answers agree with every label."
        )
    cards = "".join(_card(suspect, images) for suspect in found.suspects)
    return section(
        "suspects", "Suspects", times(found.count, "image"), lead, f'<ul class="cards">{cards}</ul>'
    )


def _card(suspect: Suspect, images: Labelled | None) -> str:
    alt = f"image {suspect.index}, labelled {suspect.given}"
    image = "" if images is None else picture(images.images[suspect.index], alt)
    return (
        f'<li>{image}<p><b>{suspect.given}</b> or <b class="wrong">{suspect.suggested}</b>?</p>'
        f'<p class="quiet">{percent(suspect.probability_given, 0)} or '
        f"{percent(suspect.probability_suggested, 0)}</p>"
        f'<p class="quiet">{text(suspect.image)}</p></li>'
    )


def _pairs(found: Audit) -> str:
    if not found.suspects:
        return ""
    often = Counter((suspect.given, suspect.suggested) for suspect in found.suspects).most_common(MOST_PAIRS)
    rows = [(f"labelled {given}, perhaps {suggested}", count) for (given, suggested), count in often]
    lead = "What the suspects shown here are labelled, and what is suggested, most often first."
    return section(
        "pairs",
        "Pairs",
        times(len(found.suspects), "suspect"),
        lead,
        f'<div class="groups">{pairs(rows)}</div>',
    )
