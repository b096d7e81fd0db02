"""A training whose disk is full, or whose output nobody takes: the right exit code, one sentence where it can
be said, and the same model once there is room again."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.test_kills import write_digits

from tenfold.files import sha256
from tenfold.training import checkpoint

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="faults of Linux")

TENFOLD = (sys.executable, "-m", "tenfold")
LIMITED = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)"
RUN = f"{LIMITED}; from tenfold.__main__ import main; main()"


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("data") / "digits.npz", 240)


@pytest.fixture(scope="module")
def whole(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> "tuple[int, Path]":
    """A training whose messages and whose result go to disks that are full: its exit code and its folder."""
    out = tmp_path_factory.mktemp("whole") / "run"
    to_full = ["sh", "-c", '"$@" >/dev/full 2>/dev/full', "sh"]
    return run([*to_full, *TENFOLD, *words(digits, out), "--json"]).returncode, out


def words(digits: Path, out: Path) -> list[str]:
    """Half a megabyte a checkpoint."""
    settings = ["--data", str(digits), "--threads", "1", "--precision", "fp32", "--out", str(out)]
    return ["train", "baseline", *settings]


def resume(out: Path) -> "subprocess.CompletedProcess[str]":
    return run([*TENFOLD, "train", "--resume", str(out)])


def run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    """With buffered output, as users have it: what was refused is written again at the end."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def model(out: Path) -> str:
    return sha256((out / "model.onnx").read_bytes())


def test_messages_that_nobody_takes_end_no_training_and_a_result_is_exit_code_4(
    whole: tuple[int, Path],
) -> None:
    code, out = whole
    assert code == 4
    assert json.loads((out / "run.json").read_text())["status"] == "finished"
    assert (out / "report.html").exists()


def test_what_a_shell_closed_or_a_disk_refuses_never_goes_elsewhere(tmp_path: Path) -> None:
    def ended(redirect: str, *command: str) -> tuple[int, str, str]:
        done = run(["sh", "-c", f'"$@" {redirect}', "sh", *TENFOLD, *command])
        return done.returncode, done.stdout, done.stderr

    absent = str(tmp_path / "absent.png")
    assert ended("2>&-", "predict", absent, "--json")[0] == 3
    assert "absent" not in ended("2>&-", "predict", absent)[1]
    assert ended("2>/dev/full", "predict", absent)[0] == 3
    closed = (4, "", "tenfold: The result cannot be written: standard output is closed.\n")
    assert ended(">&-", "data", "list") == ended(">&-", "data", "list", "--json") == closed
    code, _, err = ended(">/dev/full", "data", "list")
    assert (code, err) == (4, f"tenfold: [Errno {errno.ENOSPC}] {os.strerror(errno.ENOSPC)}\n")


def test_a_disk_that_fills_up_leaves_what_was_whole_and_says_what_is_needed(
    tmp_path: Path, digits: Path, whole: tuple[int, Path]
) -> None:
    """No file may exceed 500,000 bytes, and the first checkpoint does."""
    out = tmp_path / "run"
    ended = run([sys.executable, "-c", RUN, "500000", *words(digits, out)])
    check_full(ended, out, errno.EFBIG, kept=[])
    assert json.loads((out / "run.json").read_text())["status"] == "training"
    assert len((out / "history.csv").read_text().splitlines()) == 2
    assert resume(out).returncode == 0
    assert model(out) == model(whole[1])


def check_full(ended: "subprocess.CompletedProcess[str]", out: Path, number: int, kept: list[str]) -> None:
    assert (ended.returncode, ended.stdout) == (4, "")
    assert "Traceback" not in ended.stderr
    assert " train --resume " in ended.stderr
    said = (
        r"tenfold: '.*/checkpoints/(best|last-[01])\.safetensors' cannot be written \(\d{3},\d{3} bytes\): "
    )
    assert re.fullmatch(said + re.escape(os.strerror(number)) + r"\.", ended.stderr.splitlines()[-1])
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == kept
    for name in kept:
        checkpoint.load(out / "checkpoints" / name)


IN_A_SMALL_DISK = """
mount -t tmpfs -o size={size} tmpfs "{folder}" || exit 99
cd "{folder}" && {command}
code=$?
cp -r "{folder}/run" "{kept}"
exit $code
"""


@pytest.mark.slow
def test_a_file_system_without_room_leaves_what_was_whole(
    tmp_path: Path, digits: Path, whole: tuple[int, Path]
) -> None:
    """A real one of 1.5 MB, where one may be made: it takes the first checkpoints and no more."""
    folder, kept = tmp_path / "disk", tmp_path / "kept"
    folder.mkdir()
    command = " ".join([*TENFOLD, *words(digits, Path("run"))])
    script = IN_A_SMALL_DISK.format(size=1_500_000, folder=folder, kept=kept, command=command)
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare")
    ended = run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script])
    if ended.returncode == 99 or "unshare" in ended.stderr:
        pytest.skip("no file system may be made here")
    check_full(ended, kept, errno.ENOSPC, kept=["best.safetensors", "last-0.safetensors"])
    again = resume(kept)
    assert again.returncode == 0
    assert again.stderr.startswith("Taken up after step ")
    assert model(kept) == model(whole[1])
