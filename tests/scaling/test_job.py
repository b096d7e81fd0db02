"""Jobs: the answers of a Reader, one row a picture, whatever happens to processes, files and folders."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import dataset, parquet

from tenfold.data import load_test
from tenfold.data.idx import write_idx
from tenfold.errors import DataError, MissingExtraError, OutputExistsError, RunError, UsageError
from tenfold.reading.expected import Expected
from tenfold.reading.reader import Failure, Reader
from tenfold.scaling.answering import DEADLY, Done
from tenfold.scaling.job import RECORD, Job

WriteParquet = Callable[..., Path]
Rows = Callable[[Path], list[dict[str, Any]]]


def job(reader: Any, out: Path, *inputs: Path, size: int | None = 8) -> Job:
    return Job("predict", reader, [str(path) for path in inputs], str(out), part_size=size)


def test_the_answers_to_a_folder_are_those_of_the_reader(
    folder: Path, tmp_path: Path, reader: Reader, rows: Rows
) -> None:
    (folder / "b" / "99.png").write_bytes(b"no picture")
    found = job(reader, tmp_path / "out", folder).carry_out(workers=2)
    assert found["results"] == {"parts": 3, "pictures": 21, "failed": 1, "unsure": found["results"]["unsure"]}
    expected = list(reader.predict_files(sorted(folder.glob("*/*.png"))))
    answers = rows(tmp_path / "out")
    assert len(answers) == len(expected)
    for row, answer in zip(answers, expected, strict=True):
        assert row["file"] == answer.file
        if isinstance(answer, Failure):
            assert (row["error"], row["label"], row["unsure"]) == (answer.error, None, None)
        else:
            assert (row["error"], row["label"], row["unsure"]) == (None, answer.label, answer.unsure)
            assert row["reason"] == answer.reason
            assert row["confidence"] == pytest.approx(answer.confidence, abs=1e-6)


UNGUARDED = """
import sys
from tenfold import Reader
from tenfold.scaling.job import Job
print(Job("predict", Reader(), sys.argv[1:], "out").carry_out(workers=2)["results"]["pictures"])
"""


def test_a_script_without_a_guard_is_run_once(folder: Path, tmp_path: Path) -> None:
    """Its processes ran it again, if let, and it waited for them for ever."""
    (tmp_path / "script.py").write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, "script.py", folder], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "20\n", "")


def test_parquet_and_idx_give_the_same_answers_by_rows(
    tmp_path: Path, pngs: list[bytes], write_parquet: WriteParquet, reader: Reader, rows: Rows
) -> None:
    table = write_parquet(pngs[:20])
    idx = tmp_path / "t10k-images-idx3-ubyte"
    idx.write_bytes(write_idx(load_test().images[:20]))
    job(reader, tmp_path / "out", table, idx, size=10).carry_out(workers=1)
    answers = rows(tmp_path / "out")
    assert [(row["file"], row["row"]) for row in answers] == [
        *((str(table), row) for row in range(20)),
        *((str(idx), row) for row in range(20)),
    ]
    assert [row["label"] for row in answers[:20]] == [row["label"] for row in answers[20:]]
    assert dataset.dataset(tmp_path / "out").count_rows() == 40  # the record is passed over


def test_pages_are_read_with_what_is_known_of_them(
    folder: Path, tmp_path: Path, reader: Reader, rows: Rows
) -> None:
    pages = Job("read", reader, [str(folder)], str(tmp_path / "out"), Expected(digits=1))
    assert pages.carry_out(workers=1)["results"]["pictures"] == 20
    for row in rows(tmp_path / "out"):
        found = reader.read(row["file"], digits=1)
        assert (row["text"], row["unsure"], row["error"]) == (found.text, found.unsure, None)
        assert [(digit["label"], tuple(digit["box"])) for digit in row["digits"]] == [
            (digit.label, digit.box) for digit in found.digits
        ]


def test_a_job_goes_on_after_the_files_that_are_done_and_makes_damaged_ones_anew(
    folder: Path, tmp_path: Path, reader: Reader
) -> None:
    out = tmp_path / "out"
    job(reader, out, folder, size=4).carry_out(workers=1)
    whole = {path.name: path.read_bytes() for path in out.glob("part-*")}
    kept = (out / "part-000003.parquet").stat().st_mtime_ns
    (out / "part-000001.parquet").unlink()
    (out / "part-000002.parquet").write_bytes(whole["part-000002.parquet"][:-9])
    (out / ".0123456789abcdef.tmp").write_bytes(b"left by a killed process")
    told: list[Done] = []
    found = job(reader, out, folder, size=None).carry_out(workers=1, progress=told.append)
    assert {done.part: done.kept for done in told} == {0: True, 1: False, 2: False, 3: True, 4: True}
    assert found["kept"] == 3
    assert {path.name: path.read_bytes() for path in out.glob("part-*")} == whole
    assert (out / "part-000003.parquet").stat().st_mtime_ns == kept
    assert not list(out.glob(".*"))
    assert json.loads((out / RECORD).read_text())["results"] == found["results"]


def _touch(folder: Path) -> None:
    os.utime(folder / "a" / "00.png", ns=(0, 0))


def _add(folder: Path) -> None:
    (folder / "z.png").write_bytes(b"")


def _remove(folder: Path) -> None:
    (folder / "b" / "19.png").unlink()


@pytest.mark.parametrize("change", [_touch, _add, _remove])
def test_a_job_on_changed_inputs_is_refused(
    change: Callable[[Path], None], folder: Path, tmp_path: Path, reader: Reader
) -> None:
    job(reader, tmp_path / "out", folder).carry_out(workers=1)
    change(folder)
    with pytest.raises(RunError, match="a job with another state of its inputs; choose another --out"):
        job(reader, tmp_path / "out", folder).carry_out()


def test_a_job_with_another_model_or_settings_is_refused(
    folder: Path, tmp_path: Path, reader: Reader
) -> None:
    out = tmp_path / "out"
    job(reader, out, folder).carry_out(workers=1)
    with pytest.raises(RunError, match="a job with another model;"):
        job(Reader(), out, folder).carry_out()
    with pytest.raises(RunError, match="a job with another --part-size;"):
        job(reader, out, folder, size=9).carry_out()
    with pytest.raises(RunError, match="another command and another input"):
        Job("read", reader, [str(folder / "a")], str(out), part_size=8).carry_out()
    (out / RECORD).write_text("{}")
    with pytest.raises(RunError, match="is not the record of a job"):
        job(reader, out, folder).carry_out()


def test_inputs_that_change_meanwhile_are_told(folder: Path, tmp_path: Path, reader: Reader) -> None:
    def change(done: Done) -> None:
        if done.part == 0:  # the second folder is not listed yet
            (folder / "b" / "z.png").write_bytes(b"")

    with pytest.raises(RunError, match="changed while they were read"):
        job(reader, tmp_path / "out", folder, size=1).carry_out(workers=1, progress=change)


def test_a_job_needs_a_free_folder_and_sound_words(folder: Path, tmp_path: Path, reader: Reader) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine.txt").write_text("keep")
    with pytest.raises(OutputExistsError):
        job(reader, tmp_path / "used", folder).carry_out()
    with pytest.raises(UsageError, match="which is read"):
        job(reader, folder / "out", folder)
    with pytest.raises(UsageError, match="a checksum by its name"):
        Job("read", reader, [str(folder)], str(tmp_path / "out"), Expected(checksum=str.isdigit))
    for size in (0, 1_000_001):
        with pytest.raises(UsageError, match="A part has 1 to 1,000,000 pictures"):
            job(reader, tmp_path / "out", folder, size=size)
    with pytest.raises(UsageError, match="at least one input"):
        job(reader, tmp_path / "out")
    with pytest.raises(DataError, match="does not exist"):
        job(reader, tmp_path / "out", tmp_path / "nothing").carry_out()
    assert not (tmp_path / "out").exists()


def test_another_file_system_holds_inputs_and_answers(
    folder: Path, tmp_path: Path, reader: Reader, rows: Rows
) -> None:
    """fsspec's way to this machine's files takes the road of s3:// and the like."""
    pytest.importorskip("fsspec")
    (folder / "bad.png").write_bytes(b"no picture")
    uri, out = f"fsspec+file://{folder}", f"fsspec+file://{tmp_path / 'out'}"
    for kept in (0, 3):
        found = Job("predict", reader, [uri], out, part_size=8).carry_out(workers=1)
        assert (found["results"]["pictures"], found["results"]["failed"]) == (21, 1)
        assert found["kept"] == kept
    job(reader, tmp_path / "here", folder).carry_out(workers=1)
    answers = rows(tmp_path / "out")
    assert {row["file"] for row in answers} == {
        f"{uri}/{path.relative_to(folder)}" for path in folder.rglob("[!.]*.png")
    }
    assert [row["label"] for row in answers] == [row["label"] for row in rows(tmp_path / "here")]
    with pytest.raises(UsageError, match="which is read"):
        Job("predict", reader, [uri], f"{uri}/out")
    with pytest.raises(DataError, match="not a place that can be reached"):
        Job("predict", reader, ["nosuch://bucket/a"], out)


def test_the_part_of_a_killed_process_is_done_again(
    folder: Path, tmp_path: Path, reader: Reader, rows: Rows, deadly: Any
) -> None:
    """Killed once, every picture has its answer."""
    (tmp_path / "deaths").mkdir()
    other = deadly(reader, load_test().images[7], tmp_path / "deaths", 1)
    job(other, tmp_path / "out", folder, size=6).carry_out(workers=2)
    job(reader, tmp_path / "whole", folder, size=6).carry_out(workers=1)
    found, expected = rows(tmp_path / "out"), rows(tmp_path / "whole")
    assert [(row["file"], row["label"], row["error"]) for row in found] == [
        (row["file"], row["label"], None) for row in expected
    ]
    assert len(list((tmp_path / "deaths").iterdir())) == 1


def test_a_process_that_ends_while_it_is_handed_its_work_is_replaced(
    folder: Path, tmp_path: Path, work: Any
) -> None:
    """It left more unread than a pipe holds, and was waited for without end."""
    (tmp_path / "deaths").mkdir()
    other = work.Stillborn(Reader(), tmp_path / "deaths", 2)
    found = job(other, tmp_path / "out", folder, size=6).carry_out(workers=2)
    assert (found["results"]["pictures"], found["results"]["failed"]) == (20, 0)
    assert len(list((tmp_path / "deaths").iterdir())) == 2


def test_a_picture_that_ends_every_process_is_a_row_with_an_error(
    folder: Path, tmp_path: Path, reader: Reader, rows: Rows, deadly: Any
) -> None:
    (tmp_path / "deaths").mkdir()
    other = deadly(reader, load_test().images[7], tmp_path / "deaths", 1000)
    found = job(other, tmp_path / "out", folder, size=6).carry_out(workers=2)
    assert found["results"]["failed"] == 1
    answers = rows(tmp_path / "out")
    assert len(answers) == 20
    assert {row["file"]: row["error"] for row in answers if row["error"]} == {
        str(folder / "b" / "07.png"): DEADLY
    }
    assert len(list((tmp_path / "deaths").iterdir())) == 3  # once among others, twice when it was announced


def processes_of(parent: int) -> Iterator[int]:
    """The processes that `parent` began, workers among them."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            yield int(entry.parent.name)


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in /proc")
def test_interrupted_it_keeps_what_is_done_leaves_no_process_and_goes_on(
    tmp_path: Path, pngs: list[bytes], write_parquet: WriteParquet, model_file: Path, rows: Rows
) -> None:
    table = write_parquet(pngs * 40, group=2400)
    words = [
        "predict",
        table.name,
        "--model",
        model_file,
        "--out",
        "out",
        "--part-size",
        "150",
        "--threads",
        "1",
    ]
    started = subprocess.Popen(
        [sys.executable, "-m", "tenfold", *map(str, words)], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list((tmp_path / "out").glob("part-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    workers = list(processes_of(started.pid))
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "The files that were done are kept; the same command goes on." in err
    assert "Traceback" not in err
    assert workers
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline + 60:
        time.sleep(0.01)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")}
    assert 1 <= len(done) < 16
    again = subprocess.run([sys.executable, "-m", "tenfold", *map(str, words)], cwd=tmp_path, check=False)
    assert again.returncode == 0
    assert [row["row"] for row in rows(tmp_path / "out")] == list(range(2400))
    assert {path: path.stat().st_mtime_ns for path in done} == done


def test_what_is_in_the_files_is_typed(folder: Path, tmp_path: Path, reader: Reader) -> None:
    job(reader, tmp_path / "out", folder, size=100).carry_out(workers=1)
    schema = parquet.read_schema(tmp_path / "out" / "part-000000.parquet")
    assert {field.name: str(field.type) for field in schema} == {
        "file": "string",
        "row": "int64",
        "label": "int8",
        "confidence": "float",
        "unsure": "bool",
        "reason": "string",
        "error": "string",
    }


def test_without_pyarrow_one_sentence_names_the_extra(
    folder: Path, tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenfold.scaling.places.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[parquet\]'"):
        job(reader, tmp_path / "out", folder)
