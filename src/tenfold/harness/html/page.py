"""The frame of every HTML page of the harness: one offline file, its contents, its looks.

    page("robustness", "baseline: 94 %", header, {"kinds": "Damage"}, body, "Made from a run.")

No script, and no font, picture or style from elsewhere: the page has a policy that forbids them.
"""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from tenfold.files import write_atomic
from tenfold.harness.html.markup import text

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(kind: str, title: str, header: str, contents: Mapping[str, str], body: str, origin: str) -> str:
    """The whole document. `header`, `body` and `origin` are HTML; `kind` and `title` are escaped.

    `contents` maps anchors to names; those without a section in `body` are left out of the links.
    """
    style = resources.files("tenfold.harness.html").joinpath("page.css").read_text(encoding="utf-8")
    there = {anchor: name for anchor, name in contents.items() if f'<section id="{anchor}"' in body}
    links = "".join(f'<a href="#{anchor}">{name}</a>' for anchor, name in there.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{text(title)} · Tenfold</title><style>{style}</style></head>"
        f'<body><main><header><p class="brand">Tenfold <span>{text(kind)}</span></p>{header}</header>'
        f'<nav aria-label="Contents">{links}</nav>{body}'
        f"<footer>{origin} This page loads nothing from elsewhere.</footer></main></body></html>\n"
    )


def write_page(path: str | Path, document: str) -> Path:
    """Write `document` to `path`, whole or not at all, and return the path. Raises DiskError."""
    write_atomic(path, document.encode(errors="replace"))  # a name may hold what is no character
    return Path(path)
