"""A short run of every fuzz target, the same each time; `make fuzz` looks for longer."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
HAS_ATHERIS = find_spec("atheris") is not None  # Linux only
BLIND_RUNS = 60 if HAS_ATHERIS else 2_000  # of hypothesis, which does not see what a trial reaches


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_is_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    seeds = target.corpus()
    assert len(seeds) >= 3
    for data in seeds.values():
        assert len(data) <= target.longest
        target.run(data)


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A seed with a few pieces replaced, removed, repeated or taken from another one."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        size = draw(st.sampled_from([0, 1, 1, 2, 4, 16, 200]))
        other = draw(st.sampled_from(seeds))
        piece = draw(st.one_of(st.binary(max_size=8), st.just(bytes(other[at : at + size]))))
        data[at : at + size] = piece * draw(st.integers(1, 3))
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_seeds_are_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    seeds = list(target.corpus().values())

    @settings(
        max_examples=BLIND_RUNS,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=mutated(seeds))
    def trial(data: bytes) -> None:
        target.run(data[: target.longest])

    trial()


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, tuple[Path, subprocess.Popen[bytes]]]]:
    """All targets at once, each on a core where there are so many, with the file that holds what it tells."""
    keep = tmp_path_factory.mktemp("fuzz")
    started = {}
    for name, target in TARGETS.items():
        words = [name, "--runs", str(target.runs), "--seed", "1", "--seconds", "0", "--keep", str(keep)]
        with (keep / f"{name}.txt").open("wb") as told:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.fuzz.run", *words], cwd=ROOT, stderr=told
            )
        started[name] = Path(told.name), process
    yield started
    for _, process in started.values():
        process.kill()
        process.wait()


@pytest.mark.skipif(not HAS_ATHERIS, reason="atheris is not made for this system")
@pytest.mark.parametrize("name", TARGETS)
def test_a_guided_run_finds_nothing(
    name: str, running: dict[str, tuple[Path, subprocess.Popen[bytes]]]
) -> None:
    file, process = running[name]
    code = process.wait(timeout=300)
    told = file.read_text("utf-8", "replace")
    assert code == 0, told[-3000:]
    assert f"Done {TARGETS[name].runs} runs" in told
