"""Requests that Schemathesis makes from our own description, sound and unsound: no answer is a fault, each is
as described, and what the description forbids is refused."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.serving.process import Service, assert_quiet, started

# Not every body that the description allows is a picture, and JSON Schema has no word for equal lengths.
UNDECIDABLE = "positive_data_acceptance"
KNOWN = """
[parameters]
"path.model" = "reader-int8"
"query.model" = "reader-int8"
"path.version" = "1"
"""  # else nearly every request names a model that there is not
MANY = 20_000


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with started("--queue-wait", "30", "--page-wait", "60") as service:
        yield service


def generated(service: Service, folder: Path, config: str, *options: str) -> int:
    """How many requests Schemathesis made, none of whose answers was wrong."""
    folder.mkdir()
    (folder / "config.toml").write_text(config)
    host, port = service.address
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file=config.toml", "run"]
    command += [f"http://{host}:{port}/openapi.json", f"--exclude-checks={UNDECIDABLE}", *options]
    command += ["--seed=1", "--continue-on-failure", "--no-color", "--request-timeout=60"]
    command += ["--report=json", "--report-json-path=report.json"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads((folder / "report.json").read_text())
    assert report["complete"]
    return int(report["test_cases"]["generated"])


def test_generated_requests_are_answered_as_described(service: Service, tmp_path: Path) -> None:
    phases = "--phases=examples,coverage,fuzzing"
    assert generated(service, tmp_path / "known", KNOWN, phases, "--max-examples=5") > 300
    assert_quiet(service)


@pytest.mark.slow
def test_twenty_thousand_generated_requests(service: Service, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        known = pool.submit(generated, service, tmp_path / "known", KNOWN, "--max-examples=2200")
        any_ = pool.submit(generated, service, tmp_path / "any", "", "--max-examples=1700")
        total = known.result() + any_.result()
    assert total >= MANY
    assert_quiet(service)
