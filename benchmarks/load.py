"""The service under load, on one core: capacity, overload, slow clients, a drain, a soak, Keras beside it.

    python benchmarks/load.py capacity overload slow drain soak      25 minutes
    python benchmarks/load.py beside --keras keras/bin/python        5 minutes; see peers/keras_service.py
    python benchmarks/load.py all [--keras PYTHON] [--quick]

Each part is saved when it is done, and the table in RESULTS.md holds those that are. C, the capacity, is that
of the last `capacity` unless --c gives it. --quick looks at everything within minutes and keeps nothing. The
machine should have nothing else to do: the table tells the share of time that its host gave to others.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import load_parts
import numpy as np
from load_parts import QUICK, Record, Setting
from results import circumstances, load, markdown_table, save, write_table

from tenfold import onnx_wire
from tenfold.model import resolve

PARTS = ("capacity", "overload", "slow", "drain", "soak", "beside")
MODEL = "baseline"  # the net that the peer has too
PEER = Path(__file__).parent / "peers" / "keras_service.py"
KERAS, CALL = "Keras, predict", "Keras, model(x)"
Rows = list[list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=(*PARTS, "all"))
    parser.add_argument("--c", type=float, help="the capacity, in requests a second")
    parser.add_argument("--keras", help="the Python of Keras's environment")
    parser.add_argument("--rounds", type=int, default=Setting.rounds, help="runs that a median is of")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    setting = QUICK if asked.quick else Setting(rounds=asked.rounds)
    parts = PARTS if "all" in asked.parts else tuple(part for part in PARTS if part in asked.parts)
    if "beside" in parts and asked.keras is None:
        if "beside" in asked.parts:
            parser.error("beside needs --keras")
        parts = parts[:-1]
    done: dict[str, Record] = {}
    for part in parts:
        print(f"{part} ...", file=sys.stderr, flush=True)
        done[part] = record = measured(part, setting, done, asked.c, asked.keras)
        if asked.quick:
            print(json.dumps({key: value for key, value in record.items() if key != "samples"}))
        else:
            save(f"load/{part}", record)
            write_table("load", table({part: load(f"load/{part}") for part in PARTS}))
    if asked.quick:
        print(markdown_table(HEAD, rows(done)))


def measured(
    part: str, setting: Setting, done: dict[str, Record], c: float | None, keras: str | None
) -> Record:
    if part == "capacity":
        return load_parts.capacity(setting)
    if part == "beside":
        with tempfile.TemporaryDirectory() as folder:
            weights = Path(folder) / "weights.npz"
            save_weights(weights)
            command = [str(Path(keras or "").absolute()), str(PEER), str(weights)]
            return load_parts.beside(setting, {KERAS: command, CALL: [*command, "--call"]}, MODEL)
    if c is None:
        capacity = done.get("capacity") or load("load/capacity")
        if capacity is None:
            raise SystemExit("Measure the capacity first, or give it with --c.")
        c = float(median(capacity["per_second"]))
    if c < 1:
        raise SystemExit("The machine is too busy: no rate was answered within 25 ms. --c gives one.")
    run: Callable[[Setting, float], Record] = getattr(load_parts, part)
    return run(setting, c)


def save_weights(path: Path) -> None:
    """The weights of the shipped net by their names in its file, w0 to w6; the last is the temperature."""
    message = onnx_wire.parse(resolve(MODEL).read_bytes())
    tensors = onnx_wire.parse_graph(message.graph).initializers
    arrays: dict[str, Any] = {
        tensor.name: np.frombuffer(tensor.raw, "<f4").reshape(tensor.dims) for tensor in tensors
    }
    np.savez(path, **arrays)


HEAD = ["", "measured", "promised"]


def table(records: dict[str, Record | None]) -> str:
    done = {part: record for part, record in records.items() if record is not None}
    steal = max(record["steal"] for record in done.values())
    first = next(iter(done.values()))
    facts = (
        "Medians of runs with other arrivals, lowest and highest in brackets; the soak ran once. The service "
        f"has one core, the client another; at most {100 * steal:.1f} % of a part's time on them was the "
        f"host's for others. {circumstances(first)} `python benchmarks/load.py all --keras PYTHON`"
    )
    title = "### The service under load: one digit a request, arrivals open-loop"
    return "\n\n".join([title, markdown_table(HEAD, rows(done)), facts])


def rows(done: dict[str, Record]) -> Rows:
    makers: dict[str, Callable[[Record], Rows]] = {
        "capacity": capacity_rows,
        "overload": overload_rows,
        "slow": slow_rows,
        "drain": drain_rows,
        "soak": soak_rows,
        "beside": beside_rows,
    }
    return [row for part in PARTS if part in done for row in makers[part](done[part])]


def spread(values: list[float], scale: float = 1.0, digits: int = 0, unit: str = "") -> str:
    """'1,312/s (1,290 to 1,330)'; a dash where there was nothing to measure"""
    values = [value for value in values if np.isfinite(value)]
    if not values:
        return "–"
    middle, low, high = (scale * value for value in (median(values), min(values), max(values)))
    around = f" ({low:,.{digits}f} to {high:,.{digits}f})" if len(values) > 1 else ""
    return f"{middle:,.{digits}f}{unit}{around}"


def column(rounds: list[Record], name: str) -> list[float]:
    return [one[name] for one in rounds]


def capacity_rows(record: Record) -> Rows:
    return [["C: highest rate with p99 within 25 ms", spread(record["per_second"], unit="/s"), "1,000/s"]]


def overload_rows(record: Record) -> Rows:
    found: Rows = []
    for factor, share in (("2", 95), ("4", 85)):
        rounds = record["factors"][factor]
        name = f"{factor} C for a minute"
        goodput = [100 * one["goodput"] / one["c"] for one in rounds]
        found += [
            [f"{name}: answered", spread(goodput, unit=" % of C"), f"{share} %"],
            [f"{name}: p99 of the answered", spread(column(rounds, "p99"), 1_000, unit=" ms"), "250 ms"],
            [f"{name}: p99 of 503", spread(column(rounds, "refused_p99"), 1_000, unit=" ms"), ""],
            [f"{name}: neither, or a wrong answer", str(_sum(rounds, "wrong")), "0"],
            [f"{name}: slowest probe", spread(column(rounds, "probe_max"), 1_000, unit=" ms"), "50 ms"],
            [f"{name}: back to normal after", spread(column(rounds, "recovery"), unit=" s"), "5 s"],
        ]
    return found


def slow_rows(record: Record) -> Rows:
    rounds = record["rounds"]
    ratio = [one["p99"] / one["base_p99"] for one in rounds]
    deadline = record["receive"]
    name = f"3 x {record['each']} slow clients"
    return [
        [f"{name}: cut after", spread(column(rounds, "cut_last"), digits=1, unit=" s"), f"{deadline:.0f} s"],
        [f"{name}: not cut", str(_sum(rounds, "uncut")), "0"],
        [f"{name}: honest p99 at C/2", spread(column(rounds, "p99"), 1_000, 1, " ms"), ""],
        [f"{name}: the same over p99 without them", spread(ratio, digits=2), "2"],
        [f"{name}: honest requests failed", str(_sum(rounds, "failed")), "0"],
    ]


def drain_rows(record: Record) -> Rows:
    rounds = record["rounds"]
    sent = _sum(rounds, "sent_before")
    codes = ", ".join(sorted({str(one["code"]) for one in rounds}))
    name = "SIGTERM at 0.8 C"
    return [
        [f"{name}: lost of {sent:,} sent before it", str(_sum(rounds, "lost")), "0"],
        [f"{name}: refused of them", str(_sum(rounds, "refused")), ""],
        [f"{name}: exit code", codes, "0"],
    ]


def soak_rows(record: Record) -> Rows:
    growth = (record["memory_10"] - record["memory_2"]) / 1e6
    name = f"C/2 for {record['seconds'] / 60:.0f} minutes"
    latencies = ", ".join(f"{1_000 * record[share]:.1f}" for share in ("p50", "p99", "p99.9"))
    before, after = record["descriptors"]
    failed = record["failed"] + record["wrong"]
    return [
        [f"{name}: memory at the end over that after a fifth", f"{growth:+.1f} MB", "+5 MB"],
        [
            f"{name}: open files, connections too, after a fifth and at the end",
            f"{before}, {after}",
            "no more",
        ],
        [f"{name}: p50, p99, p99.9", f"{latencies} ms", ""],
        [f"{name}: failed or wrong of {record['requests']:,}", str(failed), "0"],
    ]


def beside_rows(record: Record) -> Rows:
    found: Rows = []
    for name, rounds in record["rounds"].items():
        title = f"the same net, {'Tenfold' if name == 'tenfold' else name}"
        found += [
            [f"{title}: one at a time", spread(column(rounds, "alone"), 1_000, 1, " ms"), ""],
            [f"{title}: 16 at once", spread(column(rounds, "throughput"), unit="/s"), ""],
            [f"{title}: C", spread(column(rounds, "c"), unit="/s"), ""],
        ]
    return found


def _sum(rounds: list[Record], name: str) -> int:
    return sum(int(one[name]) for one in rounds)


if __name__ == "__main__":
    main()
