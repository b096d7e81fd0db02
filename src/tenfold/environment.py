"""What a run is recorded with: versions, processor, memory. Facts only; nothing here decides anything."""

import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # in a container: microseconds, of all cores, and of how many
PACKAGES = ("numpy", "torch", "onnxruntime", "opencv-python-headless")


def versions() -> dict[str, str]:
    """Python and the packages that decide about bits; one that is not installed is left out."""
    from importlib import metadata  # 10 ms, which whoever asks for `cores` alone need not wait

    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str | int | float]:
    """processor (its own name), cores (that this process may use), memory_gib and system."""
    facts: dict[str, str | int | float] = {
        "processor": processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        facts["memory_gib"] = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    return facts


def cores() -> int:
    """That this process may use: taskset, or a container's cpuset or share of the time, may grant fewer than
    the machine has."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, QUOTA.read_text().split())
    except (OSError, ValueError):  # no container, or "max", which is no quota
        return there
    return max(1, min(there, quota // period))


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """("versions.torch", ("2.12.0", "2.13.0")) and so on: where two records of facts are not alike."""
    for key in dict.fromkeys((*before, *now)):
        old, new = (dict(_leaves(record.get(key), key)) for record in (before, now))
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                yield name, (old.get(name), new.get(name))


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}")
    else:
        yield name, value
