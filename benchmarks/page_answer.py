"""How long after the last stroke the page shows its answer, in Chromium, service and browser on one machine.

    python benchmarks/page_answer.py [--strokes 200] [--chromium FILE] [--write]

A digit is drawn with the mouse, as people draw: the page asks while the stroke goes on, so the last question
may wait for the one before it. Measured by the page itself, from the event that ends the stroke to the
answer, bars, picture and map standing in the document.
"""

import argparse
import math
import shutil

import numpy as np
from playwright.sync_api import Page, sync_playwright
from results import load as load_record
from results import markdown_table, measured, save, write_table
from service_process import Service

POINTS = 30  # of a stroke
FRAME = 8.0  # milliseconds between two of them, as a mouse sends them
WARM_UP = 5
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def stroke(page: Page, turn: float) -> float:
    """Draws a loop, other than the one before; milliseconds until the answer stood there."""
    box = page.locator("#sheet").bounding_box()
    assert box is not None
    page.click("#clear", force=True)
    page.evaluate("delete document.getElementById('verdict').dataset.milliseconds")
    for step in range(POINTS):
        angle = turn + 2 * math.pi * step / POINTS
        x, y = 0.5 + 0.2 * math.cos(angle), 0.5 + 0.35 * math.sin(angle + turn / 9)
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if step == 0:
            page.mouse.down()
        page.wait_for_timeout(FRAME)
    page.mouse.up()
    found = page.wait_for_selector("#verdict[data-milliseconds]")
    assert found is not None
    return float(found.get_attribute("data-milliseconds") or "nan")


def measure(chromium: str, strokes: int) -> list[float]:
    service = Service()
    try:
        host, port = service.address
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 860})
            page.goto(f"http://{host}:{port}/")
            page.wait_for_selector("html[data-ready]")
            found = [stroke(page, 0.37 * turn) for turn in range(WARM_UP + strokes)]
            browser.close()
    finally:
        service.end()
    return found[WARM_UP:]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how soon the page answers a stroke.")
    parser.add_argument("--strokes", type=int, default=200)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    if options.chromium is None:
        parser.error("Chromium is not installed; name one with --chromium")
    found = measure(options.chromium, options.strokes)
    row = [f"{np.percentile(found, share):.0f} ms" for share in (50, 95, 100)]
    table = markdown_table(["median", "95 % within", "slowest"], [row])
    print(table)
    if options.write:
        save("page_answer", {"milliseconds": found})
        record = load_record("page_answer")
        assert record is not None
        title = "### From the last stroke to the page's answer"
        facts = f"{options.strokes} strokes in Chromium, service and browser on the same machine."
        write_table("page answer", "\n\n".join([title, table, f"{facts} {measured(record)}"]))


if __name__ == "__main__":
    main()
