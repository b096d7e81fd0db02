"""The small pieces of a page: numbers as text, tables, lists of facts, sections. All text is escaped here."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

LONGEST_TEXT = 500
DEEPEST = 3


class Markup(str):
    """Text that is already HTML, and so not escaped again."""


def text(value: object) -> str:
    """`value` as HTML: Markup as it is, numbers as people write them, all else escaped and cut to a bound."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(text(item) for item in value[:LONGEST_TEXT] if not isinstance(item, list | dict))
    plain = str(value) if not isinstance(value, dict) else "…"
    return escape(plain if len(plain) <= LONGEST_TEXT else plain[:LONGEST_TEXT] + "…")


def percent(share: float, digits: int = 2) -> str:
    """0.98765 -> 98.77 %, with a space that does not break; a share that does not exist is a dash."""
    return f"{100 * share:.{digits}f}\u00a0%" if share == share else "–"


def whole(value: object) -> str:
    """Thousands parted by commas."""
    return f"{value:,}" if isinstance(value, int) else text(value)


def times(count: int, noun: str) -> str:
    """1 error, 2 errors."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def trained_on(learnt: int, count: int) -> str:
    """What is added to the `count` images of a figure that is flattered: ", trained on 12", or on all."""
    return f", trained on {'all' if learnt == count else f'{learnt:,}'}" if learnt else ""


def flattered(learnt: int) -> str:
    """A sentence behind another, as HTML, of figures on images of which the model knew `learnt`; or none."""
    return f" <b>It was trained on {whole(learnt)} of them, which flatters it.</b>" if learnt else ""


def duration(seconds: object) -> str:
    """125.7 -> 2 min 6 s."""
    if not isinstance(seconds, int | float) or not 0 <= seconds < 1e9:
        return text(seconds)
    if seconds < 60:
        return f"{seconds:.3g}\u00a0s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}\u00a0h {minutes}\u00a0min" if hours else f"{minutes}\u00a0min {rest}\u00a0s"


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """The leaves of nested mappings, their keys joined by dots."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and name.count(".") < DEEPEST:
            yield from flat(value, f"{name}.")
        else:
            yield name, value


def pairs(rows: Iterable[tuple[object, object]], css: str = "facts") -> str:
    """A list of terms with their values."""
    items = "".join(f"<div><dt>{text(key)}</dt><dd>{text(value)}</dd></div>" for key, value in rows)
    return f'<dl class="{css}">{items}</dl>'


def table(
    caption: str,
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    css: str = "",
    foot: Sequence[object] = (),
) -> str:
    """A table whose first column names its rows; the caption is read out and not shown."""

    def line(cells: Sequence[object]) -> str:
        first, *others = (text(cell) for cell in cells)
        return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'

    names = "".join(f'<th scope="col">{text(name)}</th>' for name in head)
    bottom = f"<tfoot>{line(foot)}</tfoot>" if foot else ""
    return (
        f'<div class="scroll"><table class="{css}"><caption>{text(caption)}</caption>'
        f"<thead><tr>{names}</tr></thead><tbody>{''.join(map(line, rows))}</tbody>{bottom}</table></div>"
    )


def figure(drawing: str, caption: str, count: str) -> str:
    """A chart with its caption and its number of images."""
    return (
        f'<figure>{drawing}<figcaption><b>{caption}</b> <span class="n">{count}</span></figcaption></figure>'
    )


def details(content: str) -> str:
    """Figures behind a chart, folded away; a printed page unfolds them."""
    return f"<details><summary>The numbers</summary>{content}</details>"


def section(anchor: str, title: str, count: str, lead: str, *body: str) -> str:
    """A part of the page; `count` says how many images its figures are of."""
    badge = f'<span class="n">{count}</span>' if count else ""
    return (
        f'<section id="{anchor}" aria-labelledby="{anchor}-title"><div class="head"><h2 id="{anchor}-title">'
        f'{title}</h2>{badge}</div><p class="lead">{lead}</p>{"".join(body)}</section>'
    )
