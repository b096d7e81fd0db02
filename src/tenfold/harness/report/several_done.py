"""What else was done with runs: the results that commands leave in a run's folder, and what lies beside it.

    read_done({"fast-0": Path("runs/fast-0")}, [Path("runs/crossval-fast-class-5x1-0")])

`Done` is what of it a page shows, as rows of plain text.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tenfold.errors import RunError
from tenfold.files import exists
from tenfold.harness.estimates.crossval_record import RECORD as CROSSVAL
from tenfold.harness.estimates.crossval_record import Crossval
from tenfold.harness.estimates.curve_record import RECORD as CURVE
from tenfold.harness.estimates.curve_record import Curve
from tenfold.harness.explore.record import RECORD as EXPLORE
from tenfold.harness.explore.record import Exploration
from tenfold.harness.explore.verdict import WORDS
from tenfold.harness.html.markup import percent, section, table, times, trained_on
from tenfold.harness.records.kept import read_kept

Row = tuple[str, ...]
HEADS: dict[str, tuple[str, Row]] = {
    "evaluations": ("On other sets", ("run", "set", "images", "errors", "accuracy", "95 % interval")),
    "robustness": (
        "Under damage",
        ("run", "set", "images", "undamaged", "mean of 15 kinds", "of the 11 not affine"),
    ),
    "refusal": (
        "Against what is no digit",
        ("run", "pictures", "how many", "digits", "AUROC", "accepted at 95 % of digits"),
    ),
    "audit": ("Label audit", ("run", "set", "images", "answered otherwise", "of them surely")),
    "crossval": (
        "Cross-validation of the recipes",
        ("folder", "recipe", "trainings", "images", "mean error", "95 % interval"),
    ),
    "curve": ("Learning curves of the recipes", ("folder", "recipe", "images", "seeds", "accuracy")),
    "ablation": (
        "Ablations of the recipes",
        ("folder", "recipe", "change", "difference, points", "interval", "seeds", "verdict"),
    ),
    "search": ("Searches from the recipes", ("folder", "recipe", "best settings", "images", "accuracy")),
}


@dataclass
class Done:
    """Rows of text by kind, those of HEADS."""

    rows: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, kind: str, rows: Iterable[Row]) -> None:
        self.rows.setdefault(kind, []).extend(rows)


def read_done(runs: Mapping[str, Path], others: Sequence[Path]) -> Done:
    """The results kept in the folders of `runs` (name -> folder), and the `others`: cross-validations,
    learning curves and explorations. Raises RunError for what is damaged; what did not finish is left out."""
    done = Done()
    for name, folder in runs.items():
        for kind, rows in READERS.items():
            found = read_kept(folder, kind)
            try:
                done.add(kind, [(name, *row) for row in rows(found)] if found else [])
            except (KeyError, TypeError, ValueError, AttributeError, IndexError):
                path = folder / f"{kind}.json"
                raise RunError(f"'{path}' is damaged. Delete it, and measure again.") from None
    done.rows["evaluations"] = _told_apart(done.rows.get("evaluations", []))
    for folder in others:
        try:
            if exists(folder / CROSSVAL):
                done.add("crossval", _crossval(Crossval.load(folder)))
            elif exists(folder / CURVE):
                done.add("curve", _curve(Curve.load(folder)))
            elif exists(folder / EXPLORE):
                other = Exploration.load(folder)
                kind = str(other.record["kind"])
                done.add(kind, (_ablation if kind == "ablation" else _search)(other))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            raise RunError(f"The record in '{folder}' is damaged.") from None
    return done


def done_section(done: Done) -> str:
    """The tables of what there is; '' where there is nothing."""
    parts = [
        f"<h3>{title}</h3>{table(title, head, done.rows[kind], 'numbers side')}"
        for kind, (title, head) in HEADS.items()
        if done.rows.get(kind)
    ]
    if not parts:
        return ""
    lead = (
        "What other commands left in the folders of these runs, and what was done with their recipes. "
        "Figures on images that the model was trained on flatter it, and are marked."
    )
    count = times(sum(map(len, done.rows.values())), "result")
    return section("done", "Also done", count, lead, *parts)


def _evaluations(found: Mapping[str, Any]) -> Iterable[Row]:
    for on, result in found.items():
        yield (
            str(on),
            _images(int(result["count"]), result),
            f"{int(result['errors']):,}",
            percent(float(result["accuracy"])),
            _interval(result["interval"]),
        )


def _images(count: int, found: Mapping[str, Any]) -> str:
    return f"{count:,}{trained_on(int(found.get('trained_on', 0)), count)}"


def _told_apart(rows: Sequence[Row]) -> list[Row]:
    """The sets by the last part of their paths, but whole where that is of several."""
    last = {on: Path(on).name for _, on, *_ in rows}
    times = Counter(last.values())
    return [(run, last[on] if times[last[on]] == 1 else on, *rest) for run, on, *rest in rows]


def _robustness(found: Mapping[str, Any]) -> Iterable[Row]:
    clean = found["clean"]
    shares = (float(clean["accuracy"]), float(found["mean"]), float(found["mean_not_affine"]))
    yield (str(found["on"]), _images(int(clean["count"]), found), *map(percent, shares))


def _refusal(found: Mapping[str, Any]) -> Iterable[Row]:
    for each in found["against"]:
        shares = (float(each["auroc"]), float(each["fpr95"]))
        digits = _images(int(found["count"]), found)
        yield (str(each["set"]), f"{int(each['count']):,}", digits, *map(percent, shares))


def _audit(found: Mapping[str, Any]) -> Iterable[Row]:
    counts = (int(found["count"]), int(found["disagreements"]), int(found["confident"]))
    yield (str(found["on"]), *(f"{count:,}" for count in counts))


READERS: dict[str, Callable[[Mapping[str, Any]], Iterable[Row]]] = {
    "evaluations": _evaluations,
    "robustness": _robustness,
    "refusal": _refusal,
    "audit": _audit,
}


def _crossval(found: Crossval) -> Iterable[Row]:
    if found.finished:
        record, error = found.record, found.record["results"]["error"]
        yield (
            found.folder.resolve().name,
            str(record["recipe"]["name"]),
            f"{len(record['fits'])} on folds by {record['by']}",
            f"{int(record['count']):,}",
            percent(float(error["mean"])),
            _interval(error["interval"]),
        )


def _curve(found: Curve) -> Iterable[Row]:
    if found.finished:
        for point in found.record["results"]["points"]:
            mean = float(point["accuracy"]["mean"])
            yield (
                found.name,
                str(found.record["recipe"]["name"]),
                f"{int(point['size']):,}",
                str(int(point["seeds"])),
                percent(mean),
            )


def _ablation(found: Exploration) -> Iterable[Row]:
    record = found.record
    for change in record["results"]["changes"] if found.finished else ():
        yield (
            found.folder.resolve().name,
            str(record["recipe"]["name"]),
            str(change["label"]),
            *_difference(change),
            str(len(record["seeds"])),
            WORDS[change["verdict"]],
        )


def _difference(change: Mapping[str, Any]) -> Row:
    """In points, and its interval; neither is known of a change whose training diverged."""
    if change["interval"] is None:
        return "diverges", "–"
    low, high = (100 * float(bound) for bound in change["interval"])
    return f"{100 * float(change['difference']):+.2f}", f"{low:+.2f} to {high:+.2f}"


def _search(found: Exploration) -> Iterable[Row]:
    """Nothing of one in which all trials diverged."""
    record = found.record
    if found.finished and (best := record["results"]["best"]) is not None:
        yield (
            found.folder.resolve().name,
            str(record["recipe"]["name"]),
            ", ".join(f"{name.rpartition('.')[2]} {value}" for name, value in best["parameters"].items()),
            f"{int(best['count']):,}",
            percent(1 - float(best["error"])),
        )


def _interval(interval: Sequence[float]) -> str:
    low, high = interval
    return f"{percent(float(low))} to {percent(float(high))}"
