"""The page in a real browser, as people use it: `tenfold serve` runs beside it as they start it.

Whatever a test does, the page asks no host but its own, breaks no rule of its content security policy and
writes no error to the console: every test fails on that.
"""

import base64
import csv
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FilePayload,
    FloatRect,
    Locator,
    Page,
    Route,
    ViewportSize,
    expect,
    sync_playwright,
)
from tests.serving.conftest import wait_for
from tests.serving.process import PATIENCE, started

from tenfold.data.mnist import load_test
from tenfold.model import DEFAULT_MODEL, read_model, resolve

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
ALLOWED = ["clipboard-read", "clipboard-write"]
DESKTOP: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 360, "height": 740}
LINES = ((2, 0, 7, 1), (9, 4, 3, 8, 5))  # of the picture: MNIST test digits, each the first of its class
VIEWS = ("draw", "read", "inside", "models", f"models/{DEFAULT_MODEL}")


@dataclass(frozen=True)
class Served:
    address: str
    corrections: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served") / "corrections"
    with started("--corrections", str(folder)) as service:
        yield Served("http://{}:{}/".format(*service.address), folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        missing = (
            "The page is tested in Chromium; there is none: apt-get install chromium, or name it in CHROMIUM."
        )
        if os.environ.get("CI"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    expect.set_options(timeout=1_000 * PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def desktop(browser: Browser) -> Iterator[BrowserContext]:
    """Where each page is a new one and finds its files known; what it keeps ends with it."""
    with browser.new_context(viewport=DESKTOP, permissions=ALLOWED) as context:
        yield context


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, desktop: BrowserContext, served: Served) -> Iterator[Open]:
    """Opens the page at a view, with options for its context; holds it to its promises at the end."""
    faults = []

    def opened(view: str = "draw", address: str = served.address, **options: Any) -> Page:
        context = desktop
        if options or address != served.address:
            own = {"viewport": DESKTOP, "permissions": ALLOWED, **options}
            context = stack.enter_context(browser.new_context(**own))
        page = stack.enter_context(context.new_page())
        page.set_default_timeout(1_000 * PATIENCE)
        page.on("request", lambda request: asked(request.url, address))
        page.on("console", heard)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error('CSP', e.violatedDirective))"
        )
        page.goto(f"{address}#{view}")
        page.wait_for_selector("html[data-ready]")
        return page

    def heard(message: ConsoleMessage) -> None:
        refused = re.match("Failed to load resource.* (400|401|503) ", message.text)
        if message.type in ("error", "warning") and not refused:  # the browser itself notes a refusal
            faults.append(message.text)

    def asked(url: str, address: str) -> None:
        if not url.startswith((address, "blob:", "data:")):
            faults.append(f"asks {url}")

    with ExitStack() as stack:
        yield opened
    assert faults == []


def digits(labels: tuple[int, ...]) -> list[NDArray[np.uint8]]:
    test = load_test()
    return [test.images[int(np.flatnonzero(test.labels == label)[0])] for label in labels]


def picture(lines: tuple[tuple[int, ...], ...] = LINES, zoom: int = 3) -> NDArray[np.uint8]:
    """Dark digits on grey paper, a line below the other."""
    side = 28 * zoom
    page = np.full(((side + 40) * len(lines) + 40, (side + 20) * max(map(len, lines)) + 40), 225, np.uint8)
    for row, labels in enumerate(lines):
        for column, digit in enumerate(digits(labels)):
            y, x = 20 + row * (side + 40), 20 + column * (side + 20)
            large = cv2.resize(digit, (side, side), interpolation=cv2.INTER_CUBIC)
            page[y : y + side, x : x + side] -= (large * 0.8).astype(np.uint8)
    return page


def upload(name: str, pixels: NDArray[np.uint8], suffix: str = ".png") -> FilePayload:
    return {"name": name, "mimeType": "", "buffer": bytes(cv2.imencode(suffix, pixels)[1])}


def rectangle(page: Page, selector: str) -> FloatRect:
    page.locator(selector).wait_for()
    found = page.locator(selector).bounding_box()
    assert found is not None
    return found


def three(page: Page) -> list[tuple[float, float]]:
    """Points of a 3 across the sheet: two bows."""
    box = rectangle(page, "#sheet")
    bows = [(0.33, 0.17, -0.8, 1.25), (0.67, 0.19, -0.45, 1.3)]
    unit = [
        (
            0.5 + 0.24 * math.cos(math.pi * (start + turn * step / 6)),
            y + height * math.sin(math.pi * (start + turn * step / 6)),
        )
        for y, height, start, turn in bows
        for step in range(7)
    ]
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in unit]


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point)
    page.mouse.up()


def threshold(model: str = DEFAULT_MODEL) -> float:
    return read_model(resolve(model)).metadata.thresholds["confidence"]


def percent(share: float, decimals: int = 1) -> str:
    return f"{100 * share:.{decimals}f} %"


def test_a_drawn_three_is_answered_with_bars_picture_and_map(open_page: Open) -> None:
    page = open_page()
    draw(page, three(page))
    expect(page.locator("#numeral")).to_have_text("3")
    expect(page.locator("#verdict")).to_have_attribute("data-state", "sure")
    expect(page.locator("#say")).to_contain_text("3, ")
    assert re.search(r'paragraph: "3"\n.*% sure', page.locator("#verdict").aria_snapshot())  # to come back to
    expect(page.locator("#bars li.best .digit")).to_have_text("3")
    assert page.locator("#bars li").count() == 10
    seen, evidence = (
        page.locator(name).evaluate("c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
        for name in ("#seen", "#evidence")
    )
    assert len(seen) == 4 * 28 * 28
    ink = np.reshape(seen, (28, 28, 4))[..., 0] < 128
    assert 8 <= np.ptp(np.flatnonzero(ink.any(0))) <= 20  # within the 20 x 20 box of MNIST
    colours = np.reshape(evidence, (-1, 4)).astype(int)
    assert (colours[:, 0] - colours[:, 2] > 60).any()  # orange somewhere
    expect(page.locator("#evidence")).to_have_attribute(
        "aria-label", "Where it looked: mostly at the middle centre"
    )


def test_strokes_are_undone_done_again_and_cleared(open_page: Open) -> None:
    page = open_page()
    points = three(page)
    draw(page, points[:7])
    draw(page, points[7:])
    expect(page.locator("#numeral")).to_have_text("3")
    page.click("#undo")
    expect(page.locator("#numeral")).not_to_have_text("3")
    page.click("#redo")
    expect(page.locator("#numeral")).to_have_text("3")
    page.click("#clear")
    expect(page.locator("#verdict")).to_have_attribute("data-state", "empty")
    expect(page.locator("#clear")).to_be_disabled()
    page.click("#undo")
    expect(page.locator("#numeral")).to_have_text("3")


def test_without_the_service_no_answer_to_an_earlier_drawing_stays(open_page: Open) -> None:
    page = open_page()
    draw(page, three(page))
    expect(page.locator("#numeral")).to_have_text("3")
    page.route("**/page/look**", lambda route: route.fulfill(status=400, json={"error": "It is not there."}))
    draw(page, three(page)[::-1])
    expect(page.locator("#sure")).to_have_text("No answer")
    expect(page.locator("#numeral")).to_have_text("?")
    expect(page.locator("#trouble")).to_have_text("It is not there.")
    page.get_by_role("link", name="Photograph").click()
    expect(page.locator("#trouble")).to_be_hidden()
    page.get_by_role("link", name="Draw", exact=True).click()
    page.unroute("**/page/look**")
    draw(page, three(page))
    expect(page.locator("#numeral")).to_have_text("3")


def wait_to_hold(page: Page, held: list[Any], count: int) -> None:
    """Until `held`, which a route of the page adds to, has `count` or more."""
    # a call to the browser lets the route be heard
    wait_for(lambda: bool(page.evaluate("true")) and len(held) >= count)


def looked(label: int) -> dict[str, Any]:
    """What the service says of a drawing that it takes for `label`."""
    probabilities = [0.99 if digit == label else 0.001 for digit in range(10)]
    seen = base64.b64encode(bytes(28 * 28)).decode()
    found = {"label": label, "confidence": 0.99, "probabilities": probabilities}
    return {**found, "unsure": False, "reason": None, "seen": seen, "evidence": None}


@pytest.mark.parametrize("change", ["drawing", "model"])
def test_an_answer_that_comes_after_a_change_is_not_shown(open_page: Open, change: str) -> None:
    page = open_page()
    page.evaluate(
        """() => {
            window.shown = []
            const note = () => shown.push(document.getElementById('numeral').textContent)
            new MutationObserver(note).observe(document.getElementById('numeral'), { childList: true })
        }"""
    )
    held: list[Route] = []
    page.route("**/page/look**", lambda route: held.append(route))
    draw(page, three(page))
    wait_to_hold(page, held, 2)  # while it was drawn and at its end
    if change == "drawing":
        page.click("#clear")
        page.get_by_role("button", name="Example of 8").first.click()
    else:
        page.select_option("#model", "best")
    wait_to_hold(page, held, 3)
    for route, label in zip(held, (5, 6, 8), strict=True):
        route.fulfill(json=looked(label))
    expect(page.locator("#numeral")).to_have_text("8")
    assert not {"5", "6"} & set(page.evaluate("shown"))


def test_a_drawing_is_not_marked_as_saved_by_the_answer_to_another(open_page: Open) -> None:
    page = open_page()
    draw(page, three(page))
    held: list[Route] = []
    page.route("**/page/corrections**", lambda route: held.append(route))
    page.get_by_role("button", name="It is 3").click()
    wait_to_hold(page, held, 1)
    page.get_by_role("button", name="Example of 8").first.click()
    expect(page.locator("#numeral")).to_have_text("8")
    held[0].fulfill(json={"folder": "mine", "count": 1})
    expect(page.locator("#say")).to_have_text("Saved as 3.")
    expect(page.get_by_role("button", name="It is 3")).to_have_attribute("aria-pressed", "false")


def test_a_full_service_is_said_to_be_and_asked_for_the_latest_drawing_alone(open_page: Open) -> None:
    page = open_page()
    bodies: list[bytes | None] = []

    def full(route: Route) -> None:
        bodies.append(route.request.post_data_buffer)
        route.fulfill(status=503, headers={"retry-after": "0.1"}, json={"error": "Full."})

    page.route("**/page/look**", full)
    page.get_by_role("button", name="Example of 8").first.click()
    expect(page.locator("#sure")).to_have_text("Waiting")
    expect(page.locator("#why")).to_have_text("The service is at its limit; it is asked again.")
    page.get_by_role("button", name="Example of 3").first.click()
    asked = len(bodies)
    wait_to_hold(page, bodies, asked + 6)
    assert len(set(bodies[-4:])) == 1
    page.unroute("**/page/look**")
    expect(page.locator("#numeral")).to_have_text("3")


def test_an_error_that_arrives_in_another_view_is_not_told_there(open_page: Open) -> None:
    page = open_page()
    held: list[Route] = []
    page.route("**/page/look**", lambda route: held.append(route))
    with page.expect_request("**/page/look**"):
        draw(page, three(page))
    page.get_by_role("link", name="Photograph").click()
    expect(page.locator("#view-read")).to_be_visible()
    for route in held:
        route.fulfill(status=400, json={"error": "It is not there."})
    expect(page.locator("#sure")).to_have_text("No answer")
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_scribble_is_unsure_and_says_why(open_page: Open) -> None:
    page = open_page()
    box = rectangle(page, "#sheet")
    zigzag = [
        (
            box["x"] + (40 + 37 * (7 * k % 11)) * box["width"] / 450,
            box["y"] + (30 + 39 * (3 * k % 10)) * box["width"] / 450,
        )
        for k in range(22)
    ]
    draw(page, zigzag)
    expect(page.locator("#sure")).to_have_text("Unsure")
    expect(page.locator("#why")).to_contain_text(f"This model is sure from {percent(threshold())} on.")


def test_a_finger_draws_and_the_page_stays_where_it_is(open_page: Open) -> None:
    page = open_page(viewport={"width": 360, "height": 500}, has_touch=True, is_mobile=True)
    page.evaluate("scrollTo(0, 60)")
    box = rectangle(page, "#sheet")
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *share: float) -> None:
        where = (
            [{"x": box["x"] + box["width"] / 2, "y": box["y"] + share[0] * box["height"]}] if share else []
        )
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    send("touchStart", 0.85)
    for step in range(12):
        send("touchMove", 0.8 - 0.055 * step)
    send("touchEnd")
    expect(page.locator("#numeral")).to_have_text("1")
    assert page.evaluate("scrollY") == 60


def test_the_keyboard_draws_takes_examples_and_undoes(open_page: Open) -> None:
    page = open_page()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "sheet":
            break
    for _ in range(6):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(13):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator("#numeral")).to_have_text("1")
    page.keyboard.press("7")
    expect(page.locator("#numeral")).to_have_text("7")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.locator("#numeral")).to_have_text("1")
    page.keyboard.press("Escape")
    expect(page.locator("#verdict")).to_have_attribute("data-state", "empty")


def test_a_pen_that_is_down_holds_up_neither_keys_nor_mouse(open_page: Open) -> None:
    page = open_page()
    stroke = ["ArrowUp"] * 6 + ["Space"] + ["ArrowDown"] * 13  # a 1, with the pen still down
    page.focus("#sheet")
    for key in stroke:
        page.keyboard.press(key)
    expect(page.locator("#numeral")).to_have_text("1")
    page.keyboard.press("Escape")
    expect(page.locator("#verdict")).to_have_attribute("data-state", "empty")
    page.click("#undo")
    expect(page.locator("#numeral")).to_have_text("1")
    page.focus("#sheet")
    page.keyboard.press("Space")
    page.keyboard.press("7")
    expect(page.locator("#numeral")).to_have_text("7")
    page.keyboard.press("Escape")
    points = three(page)
    page.keyboard.press("Space")
    page.mouse.move(*points[0])
    page.mouse.down()
    page.keyboard.press("Space")
    for point in points[1:]:
        page.mouse.move(*point)
    page.mouse.up()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#numeral")).to_have_text("3")


def test_each_example_is_read_as_what_it_is(open_page: Open) -> None:
    page = open_page()
    for digit in range(10):
        page.get_by_role("button", name=f"Example of {digit}").first.click()
        expect(page.locator("#numeral")).to_have_text(str(digit))


def test_a_picture_is_read_corrected_exported_saved_and_measured_on(open_page: Open, served: Served) -> None:
    page = open_page("read")
    page.set_input_files("#files", upload("form.png", picture()))
    lines = page.locator(".lines li")
    expect(lines).to_have_count(2)
    assert lines.all_text_contents() == ["2071", "94385"]
    boxes = page.locator(".box")
    assert boxes.count() == 9
    drawn, first = rectangle(page, ".plane"), rectangle(page, ".box >> nth=0")
    scale = drawn["width"] / picture().shape[1]
    assert abs(first["x"] - drawn["x"] - (20 + 3 * 4) * scale) < 20 * scale

    boxes.nth(2).click()  # the 7, which shall be a 1
    expect(page.locator("#correct")).to_be_visible()
    page.locator("#correct-digits button").nth(1).click()
    expect(page.locator("#correct")).to_be_hidden()
    expect(page.locator(".lines [data-state=corrected]")).to_have_text("1")

    page.click("#copy")
    expect(page.locator("#batch-note")).to_contain_text("clipboard")
    assert page.evaluate("navigator.clipboard.readText()") == "2011\n94385"
    with page.expect_download() as download:
        page.click("#csv")
    rows = list(csv.DictReader(StringIO(Path(download.value.path()).read_text())))
    assert [row["digit"] for row in rows] == list("201194385")
    assert (rows[2]["file"], rows[2]["line"], rows[2]["place"], rows[2]["read_as"]) == (
        "form.png",
        "1",
        "3",
        "7",
    )
    with page.expect_download() as download:
        page.click("#json")
    (document,) = json.loads(Path(download.value.path()).read_text())
    assert document["text"] == "2011\n94385"
    assert document["digits"][2]["read_as"] == 7

    page.get_by_role("button", name="Save 1 corrected digit").click()
    expect(page.locator("#batch-note")).to_contain_text("holds 1 digit now")
    page.click("#save-all")
    expect(page.locator("#batch-note")).to_contain_text("holds 9 digits now")
    command = [sys.executable, "-m", "tenfold", "evaluate", "--on", str(served.corrections), "--json"]
    result = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    assert (result["count"], result["errors"]) == (9, 1)  # the 7 that was called a 1


def answer(*digits: tuple[int, bool]) -> dict[str, Any]:
    """What the service says of a line of digits, each with whether it is unsure."""
    found = [
        {
            "label": label,
            "confidence": 0.5 if unsure else 0.99,
            "unsure": unsure,
            "box": [20 + 104 * place, 20, 84, 84],
            "alternatives": [],
        }
        for place, (label, unsure) in enumerate(digits)
    ]
    unsure = any(doubt for _, doubt in digits)
    return {
        "file": None,
        "text": "".join(str(label) for label, _ in digits),
        "digits": found,
        "unsure": unsure,
        "reason": "low confidence" if unsure else None,
    }


def exported(page: Page, kind: str) -> str:
    with page.expect_download() as download:
        page.click(f"#{kind}")
    return Path(download.value.path()).read_text()


def test_a_picture_keeps_to_the_model_that_read_it(open_page: Open) -> None:
    page = open_page("read")
    page.route("**/v1/read**", lambda route: route.fulfill(json=answer((4, True))))
    page.set_input_files("#files", upload("one.png", picture(((4,),))))
    status = page.locator(".status")
    said = f"1 digit on 1 line, read by {DEFAULT_MODEL}; look at the one in orange."
    expect(status).to_have_text(said)
    page.select_option("#model", "best")
    assert threshold() != threshold("best")
    expect(status).to_have_text(said)
    page.locator(".box").click()
    expect(page.locator("#correct-note")).to_contain_text(f"below the {percent(threshold())} that it takes")
    page.set_input_files("#files", upload("two.png", picture(((4,),))))
    expect(status.last).to_contain_text("read by best")


def test_what_people_have_checked_is_exported_as_such(open_page: Open) -> None:
    page = open_page("read")
    page.route("**/v1/read**", lambda route: route.fulfill(json=answer((4, True), (2, True), (7, False))))
    page.set_input_files("#files", upload("form.png", picture(((4, 2, 7),))))
    page.locator(".lines button").first.press("4")  # confirmed
    doubts = [(row["unsure"], row["checked"]) for row in csv.DictReader(StringIO(exported(page, "csv")))]
    assert doubts == [("false", "true"), ("true", "false"), ("false", "false")]
    (document,) = json.loads(exported(page, "json"))
    assert [(each["unsure"], each["checked"]) for each in document["digits"]] == [
        (False, True),
        (True, False),
        (False, False),
    ]
    assert (document["unsure"], document["reason"]) == (True, "low confidence")
    page.locator(".lines button").nth(1).press("3")  # corrected
    (document,) = json.loads(exported(page, "json"))
    assert (document["unsure"], document["reason"]) == (False, None)
    assert not document["digits"][1]["unsure"]


def test_text_is_copied_over_plain_http_too(open_page: Open) -> None:
    page = open_page("read")
    page.set_input_files("#files", upload("form.png", picture(((4, 2),))))
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.click("#copy")
    expect(page.locator("#batch-note")).to_contain_text("is on the clipboard")
    page.get_by_text("What do you know of the digits?").click()
    page.get_by_label("Only these").press("Control+v")
    expect(page.get_by_label("Only these")).to_have_value("42")


def test_drawings_are_saved_with_their_labels(open_page: Open, served: Served) -> None:
    page = open_page()
    draw(page, three(page))
    page.route("**/page/corrections**", lambda route: route.fulfill(status=400, json={"error": "Full."}))
    page.get_by_role("button", name="It is 3").click()
    expect(page.locator("#teach-note")).to_have_text("Full.")
    expect(page.get_by_role("button", name="It is 3")).to_have_attribute("aria-pressed", "false")
    page.unroute("**/page/corrections**")
    page.get_by_role("button", name="It is 3").click()
    expect(page.locator("#teach-note")).to_contain_text("Saved in")
    expect(page.get_by_role("button", name="It is 3")).to_have_attribute("aria-pressed", "true")
    rows = (served.corrections / "labels.csv").read_text().splitlines()
    assert any(row.startswith("3-") and row.endswith(",3") for row in rows)


def test_the_keyboard_alone_corrects_a_picture(open_page: Open) -> None:
    page = open_page("read")
    page.set_input_files("#files", upload("form.png", picture()))
    expect(page.locator(".lines button")).to_have_count(9)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("Boolean(document.activeElement.closest('.lines'))"):
            break
    page.keyboard.press("ArrowDown")
    page.keyboard.press("6")  # the 9
    expect(page.locator(".lines li").nth(1)).to_have_text("64385")
    page.keyboard.press("Delete")  # the 4, where the focus went
    expect(page.locator(".lines li").nth(1)).to_have_text("6385")
    expect(page.locator("#say")).to_have_text("4 removed.")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.locator("#correct-digits button").nth(5)).to_be_focused()
    page.keyboard.press("Control+0")  # the browser's own
    expect(page.locator("#correct")).to_be_visible()
    page.keyboard.press("2")
    expect(page.locator(".lines li").nth(1)).to_have_text("6382")
    expect(page.locator(".lines button").last).to_be_focused()


def test_the_keyboard_stays_with_a_picture_whose_last_digit_it_deletes(open_page: Open) -> None:
    page = open_page("read")
    page.set_input_files("#files", upload("one.png", picture(((4,),))))
    page.locator(".lines button").press("Delete")
    expect(page.locator(".status")).to_have_text("No digits were found on it.")
    expect(page.locator(".viewer")).to_be_focused()
    page.keyboard.press("Control+z")
    expect(page.locator(".lines button")).to_have_text("4")
    expect(page.locator(".lines button")).to_be_focused()
    page.locator(".box").click()
    page.get_by_role("button", name="Not a digit").click()
    expect(page.locator(".viewer")).to_be_focused()


def test_what_was_done_to_a_picture_s_digits_is_undone(open_page: Open) -> None:
    page = open_page("read")
    page.set_input_files("#files", upload("form.png", picture()))
    first = page.locator(".lines li").first
    undo = page.get_by_role("button", name="Undo the last correction")
    expect(undo).to_be_disabled()
    page.locator(".box").nth(2).click()
    page.get_by_role("button", name="Not a digit").click()
    expect(first).to_have_text("201")
    page.locator(".lines button").first.press("3")
    expect(first).to_have_text("301")
    undo.click()
    expect(first).to_have_text("201")
    expect(page.get_by_role("button", name="Save corrected digits")).to_be_disabled()
    undo.click()
    expect(first).to_have_text("2071")
    expect(page.locator(".lines button").nth(2)).to_be_focused()
    expect(page.locator("#say")).to_have_text("Undone: it is 7 again.")
    expect(undo).to_be_disabled()


def test_several_pictures_are_read_and_a_broken_one_says_so(open_page: Open) -> None:
    page = open_page("read")
    large = np.full((2400, 3000), 225, np.uint8)  # more pixels than the service takes
    form = cv2.resize(picture(), None, fx=4, fy=4)
    large[: form.shape[0], : form.shape[1]] = form
    files: list[FilePayload] = [
        upload("a.png", picture(((4, 2),))),
        {"name": "broken.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n, but no more"},
        upload("scan.tif", picture(((1, 3, 5),)), ".tiff"),
        upload("large.jpg", large, ".jpg"),
    ]
    page.set_input_files("#files", files)
    expect(page.locator("#progress-text")).to_have_text("3 pictures read, 1 not")
    expect(page.locator("#say")).to_have_text("3 pictures read, 1 not. 14 digits found.")
    texts = {
        row.locator("h2").inner_text(): row.locator(".lines").text_content()
        for row in page.locator(".reading").all()
    }
    assert texts == {"a.png": "42", "broken.png": "", "scan.tif": "135", "large.jpg": "207194385"}
    expect(page.locator(".reading.failed .status")).to_contain_text("header is damaged")
    with page.expect_download() as download:
        page.click("#json")
    documents = json.loads(Path(download.value.path()).read_text())
    x, y, width, height = documents[-1]["digits"][0][
        "box"
    ]  # in pixels of the file, though a smaller one was sent
    assert 80 < x < 240
    assert 200 < height < 300
    assert y > 80
    assert width > 50
    page.locator(".reading").last.get_by_role("button", name="Larger").click()
    viewer = page.locator(".viewer").last
    assert viewer.evaluate("v => v.scrollWidth > v.clientWidth")


def test_what_a_browser_cannot_show_or_open_is_told_in_words_for_people(
    open_page: Open, tmp_path: Path
) -> None:
    page = open_page("read")
    paths = [tmp_path / name for name in ("a.png", "b.png", "gone.png", "IMG_0001.HEIC")]
    for path in paths[:3]:
        path.write_bytes(upload("", picture(((4, 2),)))["buffer"])
    paths[3].write_bytes(b"\0\0\0\x18ftypheic" + bytes(2 << 20))

    def read(route: Route) -> None:  # two pictures are under way at once, and none is opened before
        paths[2].unlink(missing_ok=True)
        route.continue_()

    page.route("**/v1/read**", read)
    page.set_input_files("#files", paths)
    expect(page.locator(".reading.failed .status")).to_have_text(
        [re.compile("it is a folder, or has been moved"), re.compile("Save it as JPEG or PNG")]
    )


def test_a_picture_that_only_the_browser_reads_is_sent_as_jpeg(open_page: Open) -> None:
    page = open_page("read")
    file = BytesIO()
    Image.fromarray(picture(((4, 2),))).save(file, "AVIF", quality=95)
    page.set_input_files("#files", {"name": "a.avif", "mimeType": "image/avif", "buffer": file.getvalue()})
    expect(page.locator(".lines")).to_have_text("42")


def test_what_is_known_of_the_digits_is_kept_to(open_page: Open) -> None:
    page = open_page("read")
    page.get_by_text("What do you know of the digits?").click()
    page.get_by_label("Only these").fill("01")
    page.set_input_files("#files", upload("form.png", picture(((7, 1),))))
    expect(page.locator(".lines button")).not_to_have_count(0)
    assert set(page.locator(".lines").text_content() or "") <= {"0", "1"}
    page.get_by_label("Only these").fill("0-3")
    page.get_by_label("How many there are").fill("1")
    page.set_input_files("#files", upload("again.png", picture(((7, 1),))))
    expect(page.locator(".failed .status")).to_have_text("Allowed digits are given like '0123', not '0-3'.")


def test_pictures_are_pasted_and_dropped_from_any_view(open_page: Open) -> None:
    page = open_page("draw")
    give = """([kind, bytes]) => {
        const data = new DataTransfer()
        data.items.add(new File([new Uint8Array(bytes)], `${kind}.png`, { type: 'image/png' }))
        const options = { bubbles: true, cancelable: true }
        dispatchEvent(kind === 'drop' ? new DragEvent('drop', { dataTransfer: data, ...options })
          : new ClipboardEvent('paste', { clipboardData: data, ...options }))
    }"""
    for kind in ("paste", "drop"):
        page.evaluate(give, [kind, list(upload("", picture(((4, 2),)))["buffer"])])
    expect(page.locator("#progress-text")).to_have_text("2 pictures read")
    assert [each.text_content() for each in page.locator(".lines").all()] == ["42", "42"]
    assert page.locator("#view-read").is_visible()


def test_a_photograph_is_taken_through_the_browser(open_page: Open) -> None:
    page = open_page("read", permissions=["camera"])
    page.evaluate("document.getElementById('viewfinder').showModal()")  # as while the camera starts
    page.click("#shoot")
    expect(page.locator("#viewfinder")).to_be_visible()
    page.click("#shut")
    page.click("#photograph")
    expect(page.locator("#viewfinder")).to_be_visible()
    # its policy forbids Playwright's own way to wait in it
    wait_for(lambda: page.evaluate("document.getElementById('video').videoWidth > 0"))
    page.click("#shoot")
    expect(page.locator("#progress-text")).to_have_text("1 picture read")
    assert page.evaluate("document.getElementById('video').srcObject") is None


CAMERA = """() => {
    const media = navigator.mediaDevices
    const open = media.getUserMedia.bind(media)
    window.tracks = []
    window.allowed = new Promise((done) => { window.allow = done })
    media.getUserMedia = async (wanted) => {
        await allowed
        const stream = await open(wanted)
        tracks.push(...stream.getTracks())
        return stream
    }
}"""
ENDED = "tracks.map((track) => track.readyState).join(' ')"


def test_a_camera_that_was_asked_for_twice_is_closed(open_page: Open) -> None:
    page = open_page("read", permissions=["camera"])
    page.evaluate(CAMERA)
    page.click("#photograph")
    page.click("#photograph")
    page.evaluate("allow()")
    wait_for(lambda: page.evaluate("tracks.length") == 2)
    expect(page.locator("#viewfinder")).to_be_visible()
    page.click("#shut")
    wait_for(lambda: page.evaluate(ENDED) == "ended ended")


def test_a_camera_that_comes_after_its_view_was_left_is_closed(open_page: Open) -> None:
    page = open_page("read", permissions=["camera"])
    page.evaluate(CAMERA)
    page.click("#photograph")
    page.get_by_role("link", name="Draw", exact=True).click()
    expect(page.locator("#view-draw")).to_be_visible()
    page.evaluate("allow()")
    wait_for(lambda: page.evaluate(ENDED) == "ended")
    expect(page.locator("#viewfinder")).to_be_hidden()


def test_a_camera_that_is_not_allowed_is_said_to_be(open_page: Open) -> None:
    page = open_page("read")
    page.evaluate(
        """() => {
            const refused = () => Promise.reject(new DOMException('', 'NotAllowedError'))
            navigator.mediaDevices.getUserMedia = refused
        }"""
    )
    page.click("#photograph")
    expect(page.locator("#trouble")).to_have_text("The camera is not allowed; choose a picture instead.")


def test_what_lies_above_a_view_goes_with_it(open_page: Open) -> None:
    page = open_page("draw", permissions=["camera"])
    page.get_by_role("link", name="Photograph").click()
    page.set_input_files("#files", upload("one.png", picture(((4,),))))
    page.locator(".box").click()
    expect(page.locator("#correct")).to_be_visible()
    page.go_back()
    expect(page.locator("#correct")).to_be_hidden()
    page.go_forward()
    page.click("#photograph")
    expect(page.locator("#viewfinder")).to_be_visible()
    page.go_back()
    expect(page.locator("#viewfinder")).to_be_hidden()
    # told a moment later
    wait_for(lambda: page.evaluate("document.getElementById('video').srcObject === null"))


def test_the_drawing_is_followed_through_the_layers(open_page: Open) -> None:
    page = open_page("inside")
    page.select_option("#model", "baseline")
    page.locator("#inside-examples button").nth(3).click()
    expect(page.locator("#main")).to_be_focused()  # as the button is gone
    stages = page.locator("#stages button")
    expect(stages.first).to_have_text("Your digit")
    assert stages.all_inner_texts()[1] == "Convolution"
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".maps button")).to_have_count(32)
    caption = page.locator(".pair figcaption")
    expect(caption).to_contain_text("Map 1 of 32. The marked place sees 3 × 3 pixels")
    before = rectangle(page, ".field >> nth=0")
    page.locator(".over canvas[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#say")).to_have_text("Row 14, column 15")
    after = rectangle(page, ".field >> nth=0")
    digit = rectangle(page, ".over canvas >> nth=0")
    assert after["x"] - before["x"] == pytest.approx(digit["width"] / 28, abs=0.5)
    page.locator(".maps button").first.focus()
    page.keyboard.press("ArrowRight")
    expect(caption).to_contain_text("Map 2 of 32")
    stages.last.click()
    expect(page.locator(".stage .bars li.best .digit")).to_have_text("3")
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Next").click()  # there is none after it
    expect(page.get_by_role("button", name="Back")).to_be_focused()


def test_a_finger_marks_a_place_of_a_map(open_page: Open) -> None:
    page = open_page("inside", viewport=PHONE, has_touch=True, is_mobile=True)
    page.locator("#inside-examples button").nth(3).click()
    page.get_by_role("button", name="Next").click()
    page.locator(".over canvas[tabindex='0']").tap(position={"x": 3, "y": 3})
    expect(page.get_by_label("Map 1, row 1, column 1")).to_be_visible()


def test_layers_that_do_not_come_leave_none_of_another_drawing(open_page: Open) -> None:
    page = open_page("inside")
    page.locator("#inside-examples button").nth(3).click()
    expect(page.locator("#stage")).to_be_visible()
    page.route("**/page/steps**", lambda route: route.fulfill(status=400, json={"error": "It is not there."}))
    page.select_option("#model", "best")
    expect(page.locator("#trouble")).to_have_text("It is not there.")
    expect(page.locator("#stage")).to_be_hidden()


def test_another_model_is_chosen_on_its_page(open_page: Open) -> None:
    page = open_page("models")
    page.get_by_role("link", name="baseline").click()
    metadata = read_model(resolve("baseline")).metadata
    low, high = metadata.measured["test"]["interval"]
    for figure in (
        f"{metadata.parameters:,}",
        percent(metadata.measured["test"]["accuracy"], 2),
        f"{100 * low:.2f} to {percent(high, 2)}",
    ):
        expect(page.locator("#models")).to_contain_text(figure)
    page.get_by_role("button", name="Use this model").click()
    expect(page.locator("#model")).to_have_value("baseline")
    expect(page.locator("#main")).to_be_focused()
    expect(page.locator("#say")).to_have_text("baseline is in use.")
    page.get_by_role("link", name="Draw", exact=True).click()
    draw(page, three(page))
    expect(page.locator("#milliseconds")).to_contain_text("by baseline")


def test_a_token_is_taken_from_the_address_leaves_it_and_stays_for_the_tab(
    open_page: Open, run: Callable[..., AbstractContextManager[Any]]
) -> None:
    with run(token="open-sesame-0123456789") as running:
        page = open_page("token=open-sesame-0123456789", f"http://127.0.0.1:{running.port}/")
        draw(page, three(page))
        expect(page.locator("#numeral")).to_have_text("3")
        assert "sesame" not in page.url
        page.reload()
        page.wait_for_selector("html[data-ready]")
        other = page.context.new_page()
        other.goto(f"http://127.0.0.1:{running.port}/")
        expect(other.locator("#trouble")).to_contain_text("A token is needed: open http://127.0.0.1:")
        page.goto(f"http://127.0.0.1:{running.port}/#token=no-sesame-100%")
        expect(page.locator("#trouble")).to_contain_text("A token is needed: open http://127.0.0.1:")
        assert page.evaluate("[sessionStorage.length, localStorage.length]") == [0, 0]  # it was refused
        page.goto(f"http://127.0.0.1:{running.port}/#token=open-sesame-0123456789")  # as that sentence says
        page.wait_for_selector("html[data-ready]")
        assert "sesame" not in page.url
        page.context.close()


def test_the_page_says_that_it_waits_for_the_service(open_page: Open) -> None:
    page = open_page()
    held: list[Route] = []
    page.route("**/page/models", lambda route: held.append(route))
    page.reload()
    expect(page.locator("main")).to_have_text(
        re.compile(r"^\s*Waiting for the service …\s*$"), use_inner_text=True
    )
    expect(page.locator("#loading")).to_have_css("opacity", "1")
    held[0].fulfill(status=400, json={"error": "It is not there."})
    expect(page.locator("#trouble")).to_have_text("It is not there.")
    expect(page.locator("#loading")).to_have_count(0)


@pytest.mark.parametrize("view", ["%", "main", "constructor"])
def test_an_address_that_names_no_view_shows_the_first(open_page: Open, view: str) -> None:
    assert open_page(view).locator("#view-draw").is_visible()


def test_the_content_is_skipped_to_without_leaving_the_view(open_page: Open) -> None:
    page = open_page("read")
    page.get_by_role("link", name="Skip to content").press("Enter")
    expect(page.locator("#main")).to_be_focused()
    assert page.url.endswith("#read")


def test_a_page_without_examples_lacks_nothing_else(open_page: Open) -> None:
    page = open_page()
    asked: list[Route] = []

    def fail(route: Route) -> None:
        asked.append(route)
        route.fulfill(status=503)

    page.route("**/page/examples.png", fail)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    draw(page, three(page))
    expect(page.locator("#numeral")).to_have_text("3")
    assert len(asked) == 1


def test_a_phone_shows_every_view_without_scrolling_sideways(open_page: Open) -> None:
    page = open_page(viewport=PHONE)
    page.get_by_role("button", name="Example of 4").first.click()
    expect(page.locator("#numeral")).to_have_text("4")
    expect(page.locator("#sheet")).to_be_in_viewport(ratio=0.99)
    expect(page.locator("#numeral")).to_be_in_viewport(ratio=0.99)
    page.get_by_role("button", name="Clear").click()
    draw(page, three(page))
    page.set_input_files(
        "#files", upload("a picture with a name that is much too long for a phone.png", picture())
    )
    expect(page.locator(".lines button")).to_have_count(9)
    for view in VIEWS:
        turn_to(page, view)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], view


def test_a_phone_on_its_side_shows_the_whole_sheet(open_page: Open) -> None:
    page = open_page(viewport={"width": PHONE["height"], "height": PHONE["width"]})
    assert rectangle(page, "#sheet")["height"] < PHONE["width"] - 100


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_hinders_anyone(open_page: Open, scheme: str) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    draw(page, three(page))
    expect(page.locator("#teach")).to_be_visible()
    page.set_input_files("#files", upload("form.png", picture()))
    expect(page.locator(".lines button")).to_have_count(9)
    page.locator(".lines button").first.click()
    rules = () if scheme == "light" else ("color-contrast",)  # only colours differ
    found = {"correct": serious(page, *rules)}
    page.keyboard.press("Escape")
    for view in VIEWS:
        turn_to(page, view)
        if view == "inside":
            page.get_by_role("button", name="Next").click()
        found[view] = serious(page, *rules)
    assert {view: faults for view, faults in found.items() if faults} == {}
    moves = page.locator("#bars .fill").first.evaluate("e => getComputedStyle(e).transitionDuration")
    assert moves == "0s"


def test_forced_colours_leave_what_is_marked_apart_from_what_is_not(open_page: Open) -> None:
    page = open_page("read", forced_colors="active")
    page.route("**/v1/read**", lambda route: route.fulfill(json=answer((4, True), (2, False))))
    page.set_input_files("#files", upload("form.png", picture(((4, 2),))))
    unsure, sure = (page.locator(".lines button").nth(place) for place in (0, 1))
    paper = style(page.locator("body"), "backgroundColor")
    assert style(sure, "borderBottomColor") == paper != style(unsure, "borderBottomColor")
    sure.click()
    digits = page.locator("#correct-digits button")
    assert style(digits.nth(2), "backgroundColor") != style(digits.nth(3), "backgroundColor")
    page.get_by_role("button", name="Leave it").click()
    page.evaluate("location.hash = 'inside'")
    page.locator("#inside-examples button").nth(3).click()
    page.get_by_role("button", name="Next").click()
    maps = page.locator(".maps button")
    assert style(maps.nth(1), "borderBottomColor") == paper != style(maps.first, "borderBottomColor")


def turn_to(page: Page, view: str) -> None:
    """Show a view, all of it."""
    page.evaluate(
        """(view) => new Promise((done) => {
            if (location.hash === `#${view}`) done()
            addEventListener('hashchange', () => requestAnimationFrame(done), { once: true })
            location.hash = view
        })""",
        view,
    )
    if view == "inside":
        page.locator("#stage").wait_for()


def style(found: Locator, name: str) -> str:
    value: str = found.evaluate(f"each => getComputedStyle(each).{name}")
    return value


def serious(page: Page, *rules: str) -> list[str]:
    """What axe finds that keeps somebody out, by all its rules or by `rules`."""
    options = {"runOnly": list(rules)} if rules else {"resultTypes": ["violations"]}
    violations = Axe().run(page, options=options).response["violations"]
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in violations
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
