"""What the machine is said to be."""

from pathlib import Path

import pytest

from tenfold import environment


@pytest.mark.parametrize(
    ("quota", "granted"),
    [
        ("200000 100000", 2),
        ("150000 100000", 1),
        ("20000 100000", 1),
        ("900000 100000", 4),
        ("max 100000", 4),
    ],
)
def test_a_container_may_grant_a_share_of_the_cores(
    quota: str, granted: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(environment, "QUOTA", tmp_path / "cpu.max")
    assert environment.cores() == 4
    environment.QUOTA.write_text(f"{quota}\n")
    assert environment.cores() == granted
