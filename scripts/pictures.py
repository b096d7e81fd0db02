"""Makes the pictures of README anew, in Chromium (named by CHROMIUM, or `chromium` on the path).

    python scripts/pictures.py

docs/report.png is the report of `make train`, docs/page.png the page of `tenfold serve` with a drawn 7.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

import tenfold

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FLAGS = ["--no-sandbox", "--disable-gpu"]
SEVEN = (  # its strokes, in hundredths of the sheet
    "27,26 42,22 60,20 71,20 74,24 70,32 62,46 53,62 48,74 45,84",
    "38,53 52,49 71,48",
)


def main() -> None:
    sys.path.append(str(ROOT / "benchmarks"))
    from service_process import Service

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        picture_report(browser, tenfold.train("fast", seed=0, out=Path(folder) / "fast-0").folder)
        with Service() as service:
            host, port = service.address
            picture_page(browser, f"http://{host}:{port}/")


def picture_report(browser: Browser, run: Path) -> None:
    page = browser.new_page(viewport={"width": 1160, "height": 1000})
    page.goto((run / "report.html").as_uri())
    page.screenshot(path=DOCS / "report.png")


def picture_page(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 780})
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    sheet = page.locator("#sheet").bounding_box()
    assert sheet is not None
    for stroke in SEVEN:
        for place, point in enumerate(stroke.split()):
            x, y = (int(hundredths) / 100 for hundredths in point.split(","))
            page.mouse.move(sheet["x"] + x * sheet["width"], sheet["y"] + y * sheet["height"], steps=4)
            if place == 0:
                page.mouse.down()
        page.mouse.up()
    page.mouse.move(0, 0)
    expect(page.locator("#teach")).to_be_visible()
    page.wait_for_timeout(1000)  # bars grow
    page.screenshot(path=DOCS / "page.png")


if __name__ == "__main__":
    main()
