"""Executes docs/tutorial.ipynb and makes docs/tutorial.md of it, so that every output on the page is real.

    python scripts/tutorial.py              runs the notebook in an empty folder and writes both: all of
                                            its trainings, so let the machine be idle
    python scripts/tutorial.py --page       only writes the page, from the notebook as it stands

The notebook is the source: its text and its commands are edited there.
"""

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOK, PAGE = DOCS / "tutorial.ipynb", DOCS / "tutorial.md"
SHELL = "%%sh\n"
LONGEST = 3600  # seconds, of one cell
LINES = 40  # of an output on the page
NOTE = "[This page is made of a notebook](tutorial.ipynb), with the outputs that its commands gave."


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--page", action="store_true", help="write the page alone")
    if not parser.parse_args().page:
        with tempfile.TemporaryDirectory() as folder:
            executed = execute(read(NOTEBOOK), Path(folder))
        write(executed, NOTEBOOK)
    PAGE.write_text(page(read(NOTEBOOK)), encoding="utf-8")


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def write(notebook: Any, path: Path) -> None:
    text = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    path.write_text(text + "\n", encoding="utf-8")


def execute(notebook: Any, folder: Path) -> Any:
    """The notebook with the outputs that it gives in `folder`, and nothing of the machine beside them.

    Raises CellExecutionError where a cell fails. Commands are those of this Python's environment.
    """
    bin_folder = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": os.pathsep.join([bin_folder, os.environ["PATH"]])}
    client = NotebookClient(
        notebook,
        timeout=LONGEST,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=environment)
    for number, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = {}, f"cell-{number}"
        for output in cell.get("outputs", []):
            output.pop("execution_count", None) if output.output_type == "stream" else None
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return notebook


def page(notebook: Any) -> str:
    """The notebook as Markdown."""
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        language = "sh" if cell.source.startswith(SHELL) else "python"
        parts.append(f"```{language}\n{cell.source.removeprefix(SHELL)}\n```")
        if shown := _shown(cell.outputs):
            parts.append(f"```text\n{shown}\n```")
    title, _, rest = "\n\n".join(parts).partition("\n\n")
    return f"{title}\n\n{NOTE}\n\n{rest}\n"


def _shown(outputs: list[Any]) -> str:
    texts = [
        output.text if output.output_type == "stream" else output.data.get("text/plain", "")
        for output in outputs
    ]
    lines = re.sub(r"\n{3,}", "\n\n", "".join(texts)).strip("\n").splitlines()
    if len(lines) > LINES:
        lines = [*lines[: LINES // 2], "...", *lines[-LINES // 2 :]]
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    main()
