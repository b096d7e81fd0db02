"""Where the benchmarks put what they find: raw records in results/, tables in RESULTS.md between two markers.

save("audit", record)                       results/audit.json
write_table("audit", markdown)              replaces what stands between the markers of "audit" in RESULTS.md
publish("audit", record, table)             both, with the circumstances and the command below the table
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from tenfold.environment import machine, versions
from tenfold.files import make_folder, write_atomic

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TABLES = HERE / "RESULTS.md"


def save(name: str, record: dict[str, Any]) -> None:
    """Keep `record`, with day, machine, versions and command beside it, as results/NAME.json."""
    path = RESULTS / f"{name}.json"
    make_folder(path.parent)
    stamp = {
        "date": date.today().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "command": command(),
    }
    write_atomic(path, json.dumps({**stamp, **record}, indent=1) + "\n")


def command() -> str:
    """How this benchmark was called, for any machine: what is a path here is FOLDER, FILE or PYTHON there."""
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *map(_placed, sys.argv[1:])])


def _placed(word: str) -> str:
    path = Path(word)
    if path.is_file():
        return "PYTHON" if path.name.startswith("python") and os.access(path, os.X_OK) else "FILE"
    return "FOLDER" if path.is_dir() or path.is_absolute() else word


def load(name: str) -> dict[str, Any] | None:
    """What `save` kept, or None."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return None
    record: dict[str, Any] = json.loads(path.read_text())
    return record


def write_table(name: str, markdown: str) -> None:
    """Put `markdown` between the markers of `name` in RESULTS.md; a new name goes to the end."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = TABLES.read_text() if TABLES.exists() else "# Results\n"
    block = f"{begin}\n{markdown.strip()}\n{end}"
    if begin in text:
        before, rest = text.split(begin, 1)
        text = before + block + rest.split(end, 1)[1]
    else:
        text = f"{text.rstrip()}\n\n{block}\n"
    write_atomic(TABLES, text)


def publish(name: str, record: dict[str, Any], table: Callable[[dict[str, Any]], str]) -> None:
    """Keep `record`, and put the `table` of it into RESULTS.md."""
    save(name, record)
    kept = load(name)
    assert kept is not None
    write_table(name, f"{table(kept)}\n\n{measured(kept)}")


def timed_command(words: Sequence[str]) -> tuple[float, dict[str, Any]]:
    """Seconds of `tenfold WORDS --json`, a process of its own, and the document that it prints."""
    began = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "tenfold", *words, "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    seconds = round(time.perf_counter() - began, 1)
    return seconds, json.loads(ended.stdout)


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def circumstances(record: dict[str, Any]) -> str:
    """'Measured on 2026-11-22, AMD EPYC, 2 cores, 23 GiB; python 3.11.7, torch 2.13.0+cpu, ...'"""
    where, what = record["machine"], record["versions"]
    packages = ", ".join(f"{name} {version}" for name, version in what.items())
    memory = f", {where['memory_gib']:.0f} GiB" if "memory_gib" in where else ""
    return f"Measured on {record['date']}: {where['processor']}, {where['cores']} cores{memory}; {packages}."


def measured(record: dict[str, Any]) -> str:
    """The circumstances of what `save` kept, and the command that made it."""
    return f"{circumstances(record)} `{record['command']}`"
