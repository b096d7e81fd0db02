"""A million pictures: how fast, in how much memory, on how many processes, here and on Ray on one machine.

    python benchmarks/scaling.py                        1,000,000 pictures, 5 to 10 minutes on two idle cores
    python benchmarks/scaling.py --pictures 10000       a try
    python benchmarks/scaling.py --table                the table anew from results/scaling.json

MNIST's training digits as PNG files, repeated, in one Parquet file. Each point is a job in a process of its
own: its seconds from the first listing to the last file, without the start of Python and Ray, and the memory
of all its processes together (PSS). Up to a tenth of the largest job it is the median of three, which are
spread over the whole benchmark, as a shared machine's speed changes. What is measured is saved point by
point. A model of three numbers, fitted to the points, says what other machines and numbers would take.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from results import circumstances, load, markdown_table, save, write_table

PART = 2_500  # pictures: 10,000 are parts for two processes
ROW_GROUP = 2_500
MODEL, OTHER_MODEL = "baseline", "reader"
ENGINES = ("local", "ray")
SAMPLED_EVERY = 0.5  # seconds between two looks at the memory
TIMES = 3  # that a small job is carried out: a pause of the machine would be a tenth of it
LARGE = (100, 16, 10**9)  # machines, cores of each, pictures: what the model is asked
LARGE_PART = 10_000  # pictures, the default of the command


class Point(NamedTuple):
    engine: str
    pictures: int
    workers: int
    model: str = MODEL
    again: bool = False  # everything is done already: what is left is the cost of handing out parts


def points(most: int) -> list[Point]:
    """Times against n with two processes, one process against two, the shipped default, and handing out."""

    def sizes(*shares: int) -> list[int]:
        return sorted({max(most // share, 2 * PART) for share in shares})

    (middle_size,) = sizes(10)
    return [
        *(Point("local", size, 2) for size in sizes(100, 30, 10, 3, 1)),
        *(Point("ray", size, 2) for size in sizes(100, 10, 3, 1)),
        *(Point(engine, middle_size, 1) for engine in ENGINES),
        Point("local", middle_size, 2, OTHER_MODEL),
        *(Point(engine, most, 2, again=True) for engine in ENGINES),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=1_000_000, help="of the largest job")
    parser.add_argument("--table", action="store_true", help="write the table from what was saved")
    parser.add_argument("--print", action="store_true", help="print the table; results and RESULTS.md stay")
    parser.add_argument("--point", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.point:
        print(json.dumps(carry_out(*json.loads(arguments.point))))
        return
    record = load("scaling") if arguments.table else None
    if record is None:
        record = measure(arguments.pictures, keep=not arguments.print)
    table = report(record)
    if arguments.print:
        print(table)
    else:
        write_table("scaling", table)


def measure(most: int, *, keep: bool) -> dict[str, Any]:
    record: dict[str, Any] = {"pictures": most, "part": PART, "points": []}
    tries: dict[Point, list[dict[str, Any]]] = {point: [] for point in points(most)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        outs: dict[str, str] = {}
        for number, point in enumerate(in_order(most)):
            out = outs[point.engine] if point.again else str(folder / f"out-{number}")
            if point.pictures == most:
                outs[point.engine] = out
            found = in_a_process_of_its_own(point, make_pictures(folder, point.pictures), out)
            tries[point].append(found)
            record["points"] = [{**one._asdict(), **middle(made)} for one, made in tries.items() if made]
            print(
                f"{point.engine} {point.workers} {point.pictures:,}: {found['seconds']:.1f} s",
                file=sys.stderr,
            )
            if keep:
                save("scaling", record)
    return (load("scaling") or record) if keep else record


def in_order(most: int) -> list[Point]:
    """The small ones TIMES times, the large ones once, in the midst of them."""
    small = [point for point in points(most) if 10 * point.pictures <= most]
    before = TIMES // 2
    return [*before * small, *points(most), *(TIMES - 1 - before) * small]


def middle(tries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The try whose time is the median, and the times of all."""
    by_time = sorted(tries, key=lambda one: float(one["seconds"]))
    return {**by_time[len(tries) // 2], "tries": [one["seconds"] for one in tries]}


def make_pictures(folder: Path, count: int) -> Path:
    """A Parquet file of `count` pictures in Hugging Face's layout, made once."""
    import cv2
    import pyarrow as pa
    from pyarrow import parquet

    from tenfold.data import load_training

    path = folder / f"{count}.parquet"
    if path.exists():
        return path
    images = load_training().images[: min(count, 20_000)]
    pngs = [cv2.imencode(".png", image)[1].tobytes() for image in images]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    cells = pa.array([{"bytes": png, "path": None} for png in pngs], kind)
    with parquet.ParquetWriter(path, pa.schema([("image", kind)])) as writer:
        for start in range(0, count, ROW_GROUP):
            low = start % len(pngs)
            some = cells[low : low + min(ROW_GROUP, count - start)]
            writer.write_table(pa.table({"image": some}), row_group_size=ROW_GROUP)
    return path


def in_a_process_of_its_own(point: Point, source: Path, out: str) -> dict[str, Any]:
    words = json.dumps([*point, str(source), out])
    command = [sys.executable, __file__, "--point", words]
    peak = 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            time.sleep(SAMPLED_EVERY)
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
    if process.returncode:
        raise SystemExit(f"{point} ended with {process.returncode}")
    return {**json.loads(lines[-1]), "peak_mib": round(peak)}


def carry_out(
    engine: str, pictures: int, workers: int, model: str, again: bool, source: str, out: str
) -> dict[str, Any]:
    """One job: its seconds, those of the cluster's start, its parts and the seconds between them."""
    from tenfold.reading.reader import Reader
    from tenfold.scaling import cluster, local
    from tenfold.scaling.job import Job

    job = Job("predict", Reader(model), [source], out, part_size=PART)
    answer_parts = {"local": local.answer_parts, "ray": cluster.answer_parts}[engine]
    done: list[float] = []
    first = time.perf_counter()
    with cluster.cluster() if engine == "ray" else nullcontext():
        began = time.perf_counter()
        found = job.carry_out(
            answer_parts, workers=workers, progress=lambda _: done.append(time.perf_counter())
        )
        seconds = time.perf_counter() - began
    parts = found["results"]["parts"]
    assert (found["results"]["pictures"], found["kept"]) == (pictures, parts if again else 0)
    return {
        "seconds": round(seconds, 3),
        "start": round(began - first, 3),
        "parts": parts,
        "part_seconds": round((done[-1] - done[0]) / max(1, parts - 1), 5),  # from one to the next
    }


def memory(root: int) -> float:
    """MiB of a process and all that it began; shared pages count once."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
    family = {root}
    for _ in range(5):  # generations
        family |= {process for process, parent in parents.items() if parent in family}
    return sum(map(pss, family)) / 1024


def pss(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


class Line(NamedTuple):
    """seconds = a + b * pictures; `residual` is the largest, as a share of the seconds."""

    a: float
    b: float
    residual: float


def fit(found: Sequence[dict[str, Any]]) -> Line:
    """By least squares of relative errors, as seconds spread over two powers of ten."""
    n = np.array([point["pictures"] for point in found], float)
    seconds = np.array([point["seconds"] for point in found])
    design = np.stack([np.ones_like(n), n], 1) / seconds[:, None]
    (a, b), *_ = np.linalg.lstsq(design, np.ones_like(n), rcond=None)
    return Line(float(a), float(b), float(np.abs((a + b * n) / seconds - 1).max()))


class PaperModel(NamedTuple):
    """seconds = start + max(n * picture / cores, n / part * handing): work that is shared out, or the one
    process that hands it out, whichever is slower."""

    start: float
    picture: float  # core-seconds
    handing: float  # seconds for a part

    def seconds(self, n: float, cores: int, part: int) -> float:
        return self.start + max(n * self.picture / cores, n / part * self.handing)

    def most_cores(self, part: int) -> float:
        """With more of them, handing out is what takes the time."""
        return part * self.picture / self.handing


def paper_model(found: Sequence[dict[str, Any]], line: Line) -> PaperModel:
    """The fit's numbers; handing out costs at most what lies between parts that all are done already."""
    again = next(point for point in found if point["again"])
    return PaperModel(line.a, 2 * line.b, again["part_seconds"])


def report(record: dict[str, Any]) -> str:
    lines = ["### Millions of pictures", ""]
    for engine in ENGINES:
        mine = [point for point in record["points"] if point["engine"] == engine]
        if any(point["again"] for point in mine):
            lines += [*engine_report(engine, mine, record), ""]
    lines += [f"Parts of {record['part']:,} pictures; model `{MODEL}` if not said otherwise.", ""]
    if "machine" in record:
        lines.append(circumstances(record))
    return "\n".join(lines)


def engine_report(engine: str, found: Sequence[dict[str, Any]], record: dict[str, Any]) -> Iterable[str]:
    plain = [point for point in found if point["model"] == MODEL and not point["again"]]
    series = [point for point in plain if point["workers"] == 2]
    line = fit(series)
    model = paper_model(found, line)
    pair = {point["workers"]: point["seconds"] for point in plain if point["pictures"] == middle_of(plain)}
    yield f"**`--engine {engine}`**"
    yield ""
    head = [
        "pictures",
        "processes",
        "model",
        "seconds",
        "pictures/s",
        "core-seconds a million",
        "peak MiB",
        "model's s",
    ]
    rows = [
        [
            f"{point['pictures']:,}",
            str(point["workers"]),
            point["model"] + (", all done before" if point["again"] else ""),
            spread(point),
            f"{point['pictures'] / point['seconds']:,.0f}",
            "" if point["again"] else f"{point['seconds'] * point['workers'] / point['pictures'] * 1e6:,.0f}",
            str(point["peak_mib"]),
            f"{model.seconds(point['pictures'], point['workers'], record['part']):.1f}"
            if point in plain
            else "",
        ]
        for point in found
    ]
    yield markdown_table(head, rows)
    yield ""
    yield (
        f"Seconds over {len(series)} numbers of pictures fit {line.a:.2f} + {1e6 * line.b:.1f} for each "
        f"million with residuals of at most {100 * line.residual:.1f} %. One process to two: "
        f"{pair[1] / pair[2]:.2f} times as fast. "
        f"Handing out a part takes {1000 * model.handing:.1f} ms at most."
    )
    if engine == "ray":
        yield ""
        yield extrapolation(model)


def spread(point: dict[str, Any]) -> str:
    """'9.6 (9.3 to 10.4)'; one number where there is one"""
    low, high = min(point["tries"]), max(point["tries"])
    return f"{point['seconds']:.1f}" + (f" ({low:.1f} to {high:.1f})" if len(point["tries"]) > 1 else "")


def middle_of(found: Sequence[dict[str, Any]]) -> int:
    """The number of pictures that one process was given."""
    return next(int(point["pictures"]) for point in found if point["workers"] == 1)


def extrapolation(model: PaperModel) -> str:
    machines, cores, pictures = LARGE
    sentences = []
    for part in (LARGE_PART, 10 * LARGE_PART):
        seconds = model.seconds(pictures, machines * cores, part)
        sentences.append(
            f"with parts of {part:,}, {math.ceil(seconds / 60):,} minutes, and no gain beyond "
            f"{model.most_cores(part):,.0f} cores"
        )
    return (
        f"By the model, {pictures:,} pictures on {machines} machines of {cores} such cores take: "
        + "; ".join(sentences)
        + ". The network and the store of the pictures are not in it."
    )


if __name__ == "__main__":
    main()
