"""The page: offline, whole, escaped, readable, and with figures that are those of the predictions."""

import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from tests.harness.conftest import RunFolder

from tenfold.errors import RunError
from tenfold.harness.html.markup import duration, percent, text
from tenfold.harness.report.answers import MOST_ERRORS
from tenfold.harness.report.run import CONTENTS, write_report
from tenfold.metrics import confusion, ece, nll, precision_recall, wilson

VOID = {"meta", "img", "br", "link", "input", "line", "circle", "rect", "polyline"}
HOSTILE = "<script>alert(1)</script>\"'&"


class Page(HTMLParser):
    """Tags with their attributes, text outside style, tables as rows of cells; refuses unclosed tags."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(source)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self._rows = []
        if tag == "tr":
            self._rows.append([])
        if tag in ("td", "th"):
            self._rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open.pop() == tag, tag
        if tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.words.append(data)
        if "caption" in self.open:
            self._caption = data
        elif {"td", "th"} & set(self.open):
            self._rows[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page_of(run: RunFolder, folder: Path, *, pictures: bool = True) -> Page:
    path = write_report(run.write(folder), run.images if pictures else None)
    assert path == folder / "report.html"
    return Page(path.read_text("utf-8"))


def test_it_is_one_small_file_that_loads_nothing(run: RunFolder, tmp_path: Path) -> None:
    page = page_of(run, tmp_path)
    source = (tmp_path / "report.html").read_text("utf-8")
    assert len(source) < 400_000
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href", "xlink:href", "style"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:image/png;base64,")), (tag, name)
    assert "//" not in re.sub(r"base64,[^\"]*", "", source)
    assert "url(" not in source
    assert "@import" not in source
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_every_section_is_there_and_linked(run: RunFolder, tmp_path: Path) -> None:
    page = page_of(run, tmp_path)
    sections = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    assert sections == list(CONTENTS)
    assert [attributes["href"] for tag, attributes in page.tags if tag == "a"] == [
        f"#{name}" for name in sections
    ]
    charts = [attributes for tag, attributes in page.tags if tag == "svg" and attributes["class"] == "chart"]
    assert len(charts) == 4
    assert all(chart["role"] == "img" for chart in charts)
    assert sum(tag == "desc" for tag, _ in page.tags) == 4
    assert page.text.count("400 test images") >= 9  # beside every figure of the test set
    assert "epoch 2 of 3 is kept" in page.text
    assert "training stopped early" in page.text


def test_the_headline_is_of_the_predictions(run: RunFolder, tmp_path: Path) -> None:
    page = page_of(run, tmp_path)
    probabilities, labels = run.arrays["probabilities"], run.arrays["labels"]
    errors = int((probabilities.argmax(1) != labels).sum())
    assert 5 < errors < 60  # else the run is no use as a test
    low, high = wilson(400 - errors, 400)
    held = run.arrays["val_probabilities"].argmax(1) == run.arrays["val_labels"]
    for words in (
        f"{percent(1 - errors / 400)} accuracy on the 400 test images of mnist : {errors} errors",
        f"95 % interval {percent(low)} to {percent(high)} (Wilson)",
        f"validation accuracy {percent(held.mean())} 200 validation images",
        f"calibration error {percent(ece(probabilities, labels))} ECE, 400 test images",
        f"log loss {nll(probabilities, labels):.4f} NLL, 400 test images",
        "parameters 330 ",
        "epoch kept 2 of 3",
        "training 2 min 6 s",
        "The test set was opened 1 time for this run",
    ):
        assert " ".join(words.split()) in page.text


def test_the_tables_are_of_the_predictions(run: RunFolder, tmp_path: Path) -> None:
    tables = page_of(run, tmp_path).tables
    predicted, labels = run.arrays["probabilities"].argmax(1), run.arrays["labels"]
    counts = confusion(predicted, labels)
    shown = tables["Given labels by what was read"][1:]
    assert [[int(cell.replace("·", "0")) for cell in row[1:]] for row in shown] == counts.tolist()
    precision, recall = precision_recall(counts)
    digits = tables["Figures by digit"][1:]
    for i, row in enumerate(digits[:10]):
        missed, false = counts[i].sum() - counts[i, i], counts[:, i].sum() - counts[i, i]
        expected = [i, counts[i].sum(), missed, false, percent(recall[i]), "", percent(precision[i])]
        assert row == [str(value) for value in expected]
    errors = str((predicted != labels).sum())
    assert digits[10][:4] == ["all", "400", errors, errors]
    epochs = tables["Loss and accuracy by epoch"][1:]
    assert [row[0] for row in epochs] == ["1", "2 (kept)", "3"]
    assert epochs[1] == ["2 (kept)", "0.3000", "92.00\u00a0%", "0.2000", "94.00\u00a0%"]
    assert sum(int(row[1]) for row in tables["Reliability by bin"][1:]) == 400
    assert tables["Layers"][1:] == [
        ["conv 3x3, 32", "32 × 26 × 26", "320"],
        ["flatten", "1600", "10"],
        ["all", "", "330"],
    ]


def test_errors_are_pictured_surest_first(run: RunFolder, tmp_path: Path) -> None:
    page = page_of(run, tmp_path)
    probabilities, labels = run.arrays["probabilities"], run.arrays["labels"]
    wrong = np.flatnonzero(probabilities.argmax(1) != labels)
    wrong = wrong[np.argsort(-probabilities[wrong].max(1), kind="stable")][:MOST_ERRORS]
    alts = [attributes["alt"] for tag, attributes in page.tags if tag == "img"]
    assert alts == [f"image {i}, labelled {labels[i]}" for i in wrong]
    first = wrong[0]
    sure = percent(float(probabilities[first].max()), 1).replace("\u00a0", " ")
    assert f"{labels[first]} read as {probabilities[first].argmax()} {sure} sure image {first}" in page.text


def test_without_pictures_the_errors_are_listed(run: RunFolder, tmp_path: Path) -> None:
    page = page_of(run, tmp_path, pictures=False)
    assert not any(tag == "img" for tag, _ in page.tags)
    assert " read as " in page.text


def test_a_model_without_errors(run: RunFolder, tmp_path: Path) -> None:
    run.arrays["probabilities"] = np.eye(10, dtype=np.float32)[run.arrays["labels"]]
    del run.record["results"]["test"]
    page = page_of(run, tmp_path)
    assert "There are none." in page.text
    assert "0 errors" in page.text
    assert "Most often" not in page.text


def test_a_set_without_some_digits(run: RunFolder, tmp_path: Path) -> None:
    run.arrays |= {
        "labels": np.array([3, 3], np.uint8),
        "probabilities": np.eye(10, dtype=np.float32)[[3, 5]],
    }
    del run.record["results"]["test"]
    digits = page_of(run, tmp_path, pictures=False).tables["Figures by digit"]
    assert digits[1] == ["0", "0", "0", "0", "–", "", "–"]
    assert digits[4] == ["3", "2", "1", "0", "50.00\u00a0%", "", "100.00\u00a0%"]


@pytest.mark.parametrize(("temperature", "fitted"), [(0.95, True), (1.0, False)])
def test_a_temperature_that_was_not_fitted_is_not_said_to_be(
    run: RunFolder, tmp_path: Path, temperature: float, fitted: bool
) -> None:
    """Of too few errors none is fitted."""
    del run.arrays["labels"], run.arrays["probabilities"], run.record["results"]["test"]
    run.record["temperature"] = temperature
    page = page_of(run, tmp_path, pictures=False)
    assert ("The temperature was fitted on these same images" in page.text) is fitted
    assert ("temperature, not fitted" in page.text) is not fitted


def test_without_test_answers_the_headline_is_of_validation(run: RunFolder, tmp_path: Path) -> None:
    del run.arrays["labels"], run.arrays["probabilities"]
    page = page_of(run, tmp_path, pictures=False)
    assert "accuracy on the 200 validation images of held" in page.text
    assert "test images" not in page.text


def test_without_any_answers_the_rest_is_shown(run: RunFolder, tmp_path: Path) -> None:
    run.arrays = {}
    page = page_of(run, tmp_path, pictures=False)
    assert "It was not evaluated" in page.text
    assert [a["id"] for tag, a in page.tags if tag == "section"] == ["learning", "steps", "network", "facts"]


@pytest.mark.parametrize("epochs", [1, 5_000])
def test_short_and_long_histories(run: RunFolder, tmp_path: Path, epochs: int) -> None:
    rows = "".join(f"{i},{0.5 / i},{1 - 0.1 / i}\n" for i in range(1, epochs + 1))
    run.history = f"epoch,loss,accuracy\n{rows}"
    run.record["kept_epoch"] = epochs
    page = page_of(run, tmp_path)
    assert f"Epoch {epochs} of {epochs} was kept" in page.text
    assert (tmp_path / "report.html").stat().st_size < 400_000


@pytest.mark.parametrize(("shown", "told"), [(None, False), (300, True), (5_000, False), ("300", False)])
def test_it_says_of_which_images_the_training_figures_are(
    run: RunFolder, tmp_path: Path, shown: object, told: bool
) -> None:
    run.record["counts"]["train"] = 1_000
    run.record["recipe"]["shown"] = shown
    page = page_of(run, tmp_path)
    assert ("After the first epoch they are of 300 images, half of them the hardest." in page.text) == told


@pytest.mark.parametrize("nondigits", [0.0, 2.0])
def test_it_says_that_the_training_loss_is_also_of_no_digits(
    run: RunFolder, tmp_path: Path, nondigits: float
) -> None:
    run.record["recipe"]["nondigits"] = nondigits
    told = "The training loss is also that of pictures of no digit" in page_of(run, tmp_path).text
    assert told == (nondigits > 0)


def test_hostile_text_stays_text(run: RunFolder, tmp_path: Path) -> None:
    plain = sum(tag == "b" for tag, _ in page_of(run, tmp_path / "plain").tags)
    run.record |= {
        "tenfold": HOSTILE,
        "stopped": HOSTILE,
        "recipe": {
            HOSTILE: HOSTILE,
            "name": HOSTILE,
            "summary": HOSTILE,
            "optimizer": HOSTILE,
            "l": [HOSTILE],
        },
        "counts": {"train": HOSTILE, "validation": HOSTILE},
        "machine": {HOSTILE: {HOSTILE: HOSTILE}},
        "durations": {"train": HOSTILE, HOSTILE: HOSTILE},
        "data": {HOSTILE: HOSTILE},
        "versions": {HOSTILE: [HOSTILE]},
        "layers": [[HOSTILE, [HOSTILE], HOSTILE], [HOSTILE, HOSTILE, HOSTILE]],
        HOSTILE: HOSTILE,
        "wide": "\ud800",
    }
    run.record["results"]["test"]["on"] = HOSTILE
    page = page_of(run, tmp_path / "<b>")
    assert not any(tag == "script" for tag, _ in page.tags)
    assert sum(tag == "b" for tag, _ in page.tags) == plain
    assert page.text.count(HOSTILE) > 20


def test_an_unsound_folder_leaves_the_old_report(run: RunFolder, tmp_path: Path) -> None:
    page_of(run, tmp_path)
    before = (tmp_path / "report.html").read_bytes()
    (tmp_path / "history.csv").unlink()
    with pytest.raises(RunError, match=r"history\.csv"):
        write_report(tmp_path)
    assert (tmp_path / "report.html").read_bytes() == before


def test_the_same_run_gives_the_same_bytes(run: RunFolder, tmp_path: Path) -> None:
    run.write(tmp_path)
    first = write_report(tmp_path, run.images).read_bytes()
    assert write_report(tmp_path, run.images).read_bytes() == first


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.25, "0.25 s"), (59, "59 s"), (125.7, "2 min 6 s"), (3_700, "1 h 1 min"), ("<", "&lt;"), (-1, "-1")],
)
def test_durations(value: object, expected: str) -> None:
    assert duration(value).replace("\u00a0", " ") == expected


def test_long_text_is_cut() -> None:
    assert len(text("x" * 10_000)) < 600


def _colours(style: str) -> list[dict[str, str]]:
    """The colours of the light and of the dark page."""
    blocks = style.split("@media print")[0].split("@media screen")
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in blocks)
    return [light, light | dark]


def _luminance(colour: str) -> float:
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_text_has_the_contrast_that_wcag_asks_for() -> None:
    style = resources.files("tenfold.harness.html").joinpath("page.css").read_text("utf-8")
    over = {
        "paper": ("ink", "quiet", "accent", "wrong"),
        "card": ("ink", "quiet", "accent", "wrong"),
        "rule": ("quiet",),  # the diagonal of the confusion matrix
        **{f"e{level}": ("on-error",) for level in (1, 2, 3, 4)},
    }
    for colours in _colours(style):
        for ground, inks in over.items():
            for ink in inks:
                low, high = sorted((_luminance(colours[ground]), _luminance(colours[ink])))
                assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground, colours[ground])


def test_a_thousand_validation_images_are_enough_for_thresholds(run: RunFolder, tmp_path: Path) -> None:
    told = []
    for count in (999, 1000):
        run.record["counts"]["validation"] = count
        told.append(
            "the least sure hundredth of" in write_report(run.write(tmp_path / "run")).read_text("utf-8")
        )
    assert told == [True, False]
