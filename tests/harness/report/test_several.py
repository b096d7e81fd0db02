"""The page over several runs: who is compared with whom, with which figures, and what else was done."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest
from tests.harness.conftest import RunFolder
from tests.harness.estimates.test_curve import made
from tests.harness.report.test_run import HOSTILE, Page

from tenfold.errors import RunError
from tenfold.harness.compare import rounded
from tenfold.harness.estimates.statistics import images_needed, paired_interval
from tenfold.harness.explore.results import search_results
from tenfold.harness.explore.study import Trial
from tenfold.harness.explore.trainings import Measured
from tenfold.harness.explore.verdict import verdicts
from tenfold.harness.html.markup import percent
from tenfold.harness.records.facts import read_facts
from tenfold.harness.records.kept import keep, read_kept
from tenfold.harness.report.several import CONTENTS, groups, render, side_by_side
from tenfold.harness.report.several_done import Done, read_done
from tenfold.metrics import summary, t_interval, wilson


def worse(run: RunFolder, errors: int, seed: int) -> RunFolder:
    """The same run, but for its seed and `errors` more test errors."""
    other = RunFolder()
    right = np.flatnonzero(run.arrays["probabilities"].argmax(1) == run.arrays["labels"])[:errors]
    probabilities = run.arrays["probabilities"].copy()
    probabilities[right] = np.eye(10, dtype=np.float32)[(run.arrays["labels"][right] + 1) % 10]
    other.arrays["probabilities"] = probabilities
    other.record["results"]["test"] = summary(probabilities, run.arrays["labels"], "mnist")
    other.record["seed"] = seed
    return other


def page_of(folder: Path, *runs: RunFolder, done: Done | None = None, images: Any = None) -> Page:
    named = [(f"run-{i}", read_facts(run.write(folder / f"run-{i}"))) for i, run in enumerate(runs)]
    return Page(render(side_by_side(named), done or Done(), images))


def sections(page: Page) -> list[str | None]:
    return [attributes["id"] for tag, attributes in page.tags if tag == "section"]


def test_runs_stand_side_by_side_with_their_intervals(run: RunFolder, tmp_path: Path) -> None:
    other = worse(run, 40, seed=8)
    page = page_of(tmp_path, run, other, images=run.images)
    assert sections(page) == [name for name in CONTENTS if name != "done"]
    rows = page.tables["Runs"][1:]
    for row, each in zip(rows, (run, other), strict=True):
        figures = each.record["results"]["test"]
        low, high = wilson(400 - figures["errors"], 400)
        assert row[4].startswith(f"{percent(figures['accuracy'])} {figures['errors']} error")
        assert row[6] == f"{percent(low)} to {percent(high)}"
    means = page.tables["Means over seeds"][1]
    shares = [each.record["results"]["test"]["accuracy"] for each in (run, other)]
    assert means[:4] == ["baseline", "2", "mnist, 400 images", percent(float(np.mean(shares)))]
    found = t_interval(shares)
    assert means[4] == f"{percent(max(0, found.low))} to {percent(min(1, found.high))}"
    assert "opened 2 times" in page.text


def test_seeds_that_are_all_alike_tell_no_spread(run: RunFolder, tmp_path: Path) -> None:
    means = page_of(tmp_path, run, worse(run, 0, seed=8)).tables["Means over seeds"][1]
    assert means[4] == "not known: all are alike"


def test_a_repeated_seed_counts_once(run: RunFolder, tmp_path: Path) -> None:
    other = worse(run, 40, seed=8)
    pair = page_of(tmp_path / "two", run, other).tables["Means over seeds"]
    assert page_of(tmp_path / "three", run, other, run, other).tables["Means over seeds"] == pair
    assert pair[1][1] == "2"


@pytest.mark.parametrize(
    ("setting", "value"), [("device", "cuda"), ("threads", 2), ("processes", 2), ("precision", "bf16")]
)
def test_runs_that_differ_in_more_than_the_seed_are_not_averaged(
    run: RunFolder, tmp_path: Path, setting: str, value: Any
) -> None:
    other = worse(run, 3, seed=8)
    other.record[setting] = value
    page = page_of(tmp_path, run, other)
    assert "Means over seeds" not in page.tables
    assert [setting, str(run.record.get(setting, "–")), str(value)] in page.tables["Settings"]


def test_the_model_that_a_training_began_with_is_a_setting(run: RunFolder, tmp_path: Path) -> None:
    """Known by its checksum, not by its place; and other words about a recipe make no other recipe."""
    others = [worse(run, errors, seed) for errors, seed in ((3, 8), (5, 9))]
    for other, place in zip(others, ("reader", "here/model.onnx"), strict=True):
        other.record["start"] = {"model": place, "model_sha256": "ef" * 32, "data": {}}
        other.record["recipe"] = {**run.record["recipe"], "summary": place}
    page = page_of(tmp_path, run, *others)
    assert page.tables["Settings"][1:] == [["start", "–", *["efefefefef…"] * 2], ["seed", "7", "8", "9"]]
    assert [row[1] for row in page.tables["Means over seeds"][1:]] == ["2"]


def test_a_mean_has_no_run_that_was_trained_on_the_images(run: RunFolder, tmp_path: Path) -> None:
    other = worse(run, 3, seed=8)
    other.record["trained_on"] = {"test": 12}
    page = page_of(tmp_path, run, other)
    assert "run-1 was trained on 12 of them, and is not compared" in page.text
    assert "Means over seeds" not in page.tables


def test_a_pair_is_tested_on_the_same_images(run: RunFolder, tmp_path: Path) -> None:
    page = page_of(tmp_path, run, worse(run, 40, seed=8), worse(run, 1, seed=9))
    rows = {row[0]: row for row in page.tables["Pairs on mnist"][1:]}
    assert list(rows) == ["run-0, run-1", "run-0, run-2", "run-1, run-2"]
    first = rows["run-0, run-1"]
    assert first[1:5] == ["run-0 is better", "40", "0", "+10.00"]
    assert rows["run-0, run-2"][1] == "cannot be told"
    assert rows["run-0, run-2"][6:8] == ["1", "1"]
    assert rows["run-1, run-2"][1] == "run-2 is better"
    p = binomtest(39, 39).pvalue
    assert rows["run-1, run-2"][6:8] == ["less than 0.0001"] * 2
    assert p < 1e-4


def test_p_values_grow_with_the_number_of_pairs(run: RunFolder, tmp_path: Path) -> None:
    alone = page_of(tmp_path / "two", run, worse(run, 6, seed=8)).tables["Pairs on mnist"][1]
    among = page_of(tmp_path / "three", run, worse(run, 6, seed=8), worse(run, 6, seed=9))
    among_row = among.tables["Pairs on mnist"][1]
    p = binomtest(6, 6).pvalue
    assert alone[1:2] + alone[6:8] == ["run-0 is better", f"{p:.2g}", f"{p:.2g}"]
    assert among_row[1:2] + among_row[6:8] == ["cannot be told", f"{p:.2g}", f"{3 * p:.2g}"]
    for row, level in ((alone, 0.95), (among_row, 1 - 0.05 / 3)):
        _, low, high = paired_interval(6, 0, 400, level=level)
        assert row[5] == f"{100 * low:+.2f} to {100 * high:+.2f} {percent(level)}"
        assert row[8] == f"about {rounded(images_needed(6, 0, 400, level=level) or 0):,}"
        assert (low < 0) is (row[1] == "cannot be told")


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path) -> None:
    for name in ("two", "three"):
        (tmp_path / name).mkdir()


def test_only_settings_that_differ_are_listed(run: RunFolder, tmp_path: Path) -> None:
    other = worse(run, 3, seed=8)
    other.record["recipe"] = {**run.record["recipe"], "summary": "other words", "epochs": 5}
    other.record["data"] = {"mnist-train": "cd" * 32}
    page = page_of(tmp_path, run, other)
    assert page.tables["Settings"][1:] == [
        ["epochs", "–", "5"],
        ["seed", "7", "8"],
        ["data.mnist-train", "ababababab…", "cdcdcdcdcd…"],
    ]
    assert "Means over seeds" not in page.tables
    same = page_of(tmp_path, run, run)
    assert "Nothing: the runs have the same settings." in same.text


def test_curves_lie_over_each_other(run: RunFolder, tmp_path: Path) -> None:
    other = worse(run, 3, seed=8)
    other.history = "epoch,loss,accuracy,val_loss,val_accuracy\n1,0.5,0.8,0.4,0.9\n2,0.4,0.9,0.3,0.91\n"
    page = page_of(tmp_path, run, other)
    lines = [a["class"] for tag, a in page.tags if tag == "polyline" and a["points"].count(",") > 1]  # type: ignore[union-attr]
    assert lines == ["line run r0", "line run r1"] * 3
    assert sum(tag == "circle" and "dot run" in str(a["class"]) for tag, a in page.tags) == 6
    assert "run-0 at epoch 2: 0.9400, run-1 at epoch 2: 0.9100" in page.text


def test_digits_and_the_hardest_images(run: RunFolder, tmp_path: Path) -> None:
    other = worse(run, 40, seed=8)
    page = page_of(tmp_path, run, other, images=run.images)
    labels = run.arrays["labels"]
    wrong = [each.arrays["probabilities"].argmax(1) != labels for each in (run, other)]
    for i, row in enumerate(page.tables["Missed on mnist"][1:11]):
        assert row[:2] == [str(i), str((labels == i).sum())]
        assert [int(cell.split()[0]) for cell in row[2:]] == [int((w & (labels == i)).sum()) for w in wrong]
    both = wrong[0] & wrong[1]
    alts = [str(a["alt"]) for tag, a in page.tags if tag == "img"]
    assert len(alts) == min(both.sum(), 24)
    assert {int(alt.split()[1].strip(",")) for alt in alts} <= set(np.flatnonzero(both))
    assert f"wrongly {both.sum()} by 2, {(wrong[0] ^ wrong[1]).sum()} by 1" in page.text


def test_runs_of_other_images_are_shown_and_not_compared(run: RunFolder, tmp_path: Path) -> None:
    other = worse(run, 3, seed=8)
    other.arrays["labels"] = (run.arrays["labels"] + 1) % 10
    other.arrays["val_labels"] = (run.arrays["val_labels"] + 1) % 10
    other.record["results"] = {"test": {"on": "usps"}, "validation": {"on": "rest"}}
    page = page_of(tmp_path, run, other)
    assert (
        "Not all runs answered the same images, and those are not compared: run-0 on mnist; run-1 on usps."
        in (page.text)
    )
    assert "Pairs on mnist" not in page.tables
    assert [row[4] for row in page.tables["Runs"][1:]] == ["mnist, 400", "usps, 400"]
    assert {"Missed on mnist", "Missed on usps"} <= set(page.tables)
    assert "hardest" not in sections(page)


def test_where_one_has_no_test_answers_validation_decides(run: RunFolder, tmp_path: Path) -> None:
    other = RunFolder()
    del other.arrays["labels"], other.arrays["probabilities"]
    del other.record["results"]["test"]
    page = page_of(tmp_path, run, other)
    assert "200 validation images" in page.text
    assert list(page.tables["Pairs on held"][1])[:1] == ["run-0, run-1"]
    none = RunFolder()
    none.arrays = {}
    page = page_of(tmp_path, run, none)
    assert page.tables["Runs"][2][4:7] == ["–", "–", "–"]


def test_hostile_text_stays_text(run: RunFolder, tmp_path: Path) -> None:
    other = worse(run, 3, seed=8)
    other.record |= {
        "machine": {HOSTILE: HOSTILE},
        "counts": {"train": HOSTILE},
        "durations": {"train": HOSTILE},
    }
    other.record["recipe"] = {"name": HOSTILE, "summary": HOSTILE, HOSTILE: HOSTILE}
    other.record["results"]["validation"]["on"] = HOSTILE
    page = page_of(tmp_path, run, other)
    assert not any(tag == "script" for tag, _ in page.tags)
    assert page.text.count(HOSTILE) > 5


def test_groups_are_of_the_same_labels(run: RunFolder, tmp_path: Path) -> None:
    facts = read_facts(run.write(tmp_path / "run"))
    assert [len(group) for group in groups(side_by_side([("a", facts), ("b", facts)]))] == [2]


# --- what else was done ------------------------------------------------------------------------------------

FOUND: dict[str, dict[str, Any]] = {
    "evaluations": {"usps": {"count": 2_007, "errors": 60, "accuracy": 0.97, "interval": [0.96, 0.98]}},
    "robustness": {
        "on": "held",
        "clean": {"accuracy": 0.99, "count": 5_000},
        "mean": 0.88,
        "mean_not_affine": 0.9,
    },
    "refusal": {"count": 5_000, "against": [{"set": "noise", "count": 1_000, "auroc": 0.995, "fpr95": 0.01}]},
    "audit": {"on": "mnist", "count": 10_000, "disagreements": 50, "confident": 2},
}


def test_what_commands_left_is_shown_with_its_numbers(run: RunFolder, tmp_path: Path) -> None:
    folder = run.write(tmp_path / "a")
    for kind, found in FOUND.items():
        keep(folder, kind, found)
    curve = made(tmp_path / "curve", [362, 166, 75, 42, 26, 25, 22])
    page = page_of(tmp_path, run, run, done=read_done({"a": folder}, [curve.folder]))
    assert page.tables["On other sets"][1] == [
        "a",
        "usps",
        "2,007",
        "60",
        percent(0.97),
        "96.00\u00a0% to 98.00\u00a0%",
    ]
    assert page.tables["Under damage"][1] == [
        "a",
        "held",
        "5,000",
        percent(0.99),
        percent(0.88),
        percent(0.9),
    ]
    assert page.tables["Against what is no digit"][1] == [
        "a",
        "noise",
        "1,000",
        "5,000",
        percent(0.995),
        percent(0.01),
    ]
    assert page.tables["Label audit"][1] == ["a", "mnist", "10,000", "50", "2"]
    assert page.tables["Learning curves of the recipes"][1] == ["curve", "tiny", "100", "2", percent(0.9275)]
    assert "11 results" in page.text
    assert sections(page)[-1] == "done"


def test_figures_on_images_that_a_run_learnt_from_are_marked(run: RunFolder, tmp_path: Path) -> None:
    run.record["trained_on"] = {"test": 0, "validation": 12}
    folder = run.write(tmp_path / "a")
    keep(folder, "evaluations", {"usps": {**FOUND["evaluations"]["usps"], "trained_on": 7}})
    for kind in ("robustness", "refusal"):
        keep(folder, kind, {**FOUND[kind], "trained_on": 5_000})
    page = page_of(tmp_path, run, RunFolder(), done=read_done({"a": folder}, []))
    assert [row[3].partition(",")[2] for row in page.tables["Runs"][1:]] == [" trained on 12", ""]
    assert page.tables["On other sets"][1][2] == "2,007, trained on 7"
    assert page.tables["Under damage"][1][2] == "5,000, trained on all"
    assert page.tables["Against what is no digit"][1][3] == "5,000, trained on all"


def explored(folder: Path, **record: Any) -> Path:
    """A finished exploration with `record`, as its command leaves it."""
    common = {
        "format": 1,
        "status": "finished",
        "recipe": {"name": "tiny"},
        "threads": 1,
        "precision": "fp32",
    }
    folder.mkdir()
    (folder / "explore.json").write_text(json.dumps({**common, "data": {}, "versions": {}, **record}))
    return folder


def test_a_change_that_diverged_and_a_search_without_a_best_are_no_damage(tmp_path: Path) -> None:
    base = {seed: Measured(1_100, 100, 5, 0.1, 1.0) for seed in (0, 1)}
    lost = {seed: Measured(1_100, 100, None, None, 1.0) for seed in (0, 1)}
    trial = Trial(0, {"learning_rate": 9.0}, {1: Measured(100, 100, None, None, 1.0)}, "halted", "", True)
    folders = [
        explored(
            tmp_path / "ablation",
            kind="ablation",
            seeds=[0, 1],
            changes=[],
            trainings={},
            results={"changes": verdicts(base, {"learning_rate=9": lost}, 1 / 11)},
        ),
        explored(
            tmp_path / "search",
            kind="search",
            seed=0,
            space={},
            trials=1,
            results=search_results([trial], {}),
        ),
    ]
    rows = read_done({}, folders).rows
    assert rows["ablation"] == [("ablation", "tiny", "learning_rate=9", "diverges", "–", "2", "worse")]
    assert rows["search"] == []


def test_sets_of_one_name_are_told_apart_also_between_runs(run: RunFolder, tmp_path: Path) -> None:
    figures = FOUND["evaluations"]["usps"]
    runs = {name: run.write(tmp_path / name) for name in ("a", "b")}
    keep(runs["a"], "evaluations", {"usps": figures, "/sets/one/digits": figures, "/sets/mine": figures})
    keep(runs["b"], "evaluations", {"/sets/two/digits": figures, "/sets/mine": figures})
    found = [row[:2] for row in read_done(runs, []).rows["evaluations"]]
    assert found[:3] == [("a", "usps"), ("a", "/sets/one/digits"), ("a", "mine")]
    assert found[3:] == [("b", "/sets/two/digits"), ("b", "mine")]


def test_what_was_not_done_is_not_there(run: RunFolder, tmp_path: Path) -> None:
    folder = run.write(tmp_path / "a")
    assert read_done({"a": folder}, []).rows == {kind: [] for kind in FOUND}
    assert read_kept(folder, "audit") == {}


@pytest.mark.parametrize("kind", FOUND)
@pytest.mark.parametrize("damage", ["{", "[]", '{"on": {}}', '{"against": [3], "usps": 7}'])
def test_a_damaged_result_is_one_sentence(run: RunFolder, tmp_path: Path, kind: str, damage: str) -> None:
    folder = run.write(tmp_path / "a")
    (folder / f"{kind}.json").write_text(damage)
    with pytest.raises(RunError, match=rf"{kind}\.json' is damaged.*Delete it, and measure again"):
        read_done({"a": folder}, [])


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: record["results"].pop("points"),
        lambda record: record["results"].update(points=[{"size": 1}]),
        lambda record: record["results"].update(points=7),
    ],
)
def test_a_damaged_curve_is_one_sentence(tmp_path: Path, damage: Callable[[dict[str, Any]], Any]) -> None:
    curve = made(tmp_path / "curve", [7, 6, 5, 4, 3, 2, 1])
    damage(curve.record)
    (curve.folder / "curve.json").write_text(json.dumps(curve.record))
    with pytest.raises(RunError, match="is damaged"):
        read_done({}, [curve.folder])
