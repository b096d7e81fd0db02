"""Where a training runs, in which precision, and what is said where memory is short."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from tenfold.errors import ResourceError, UnknownNameError, UsageError

Precision = Literal["fp32", "bf16"]

LACKING = "out of memory", "allocate memory", "not enough memory"  # torch's words, by device and system


@contextmanager
def memory_for(batch_size: int, device: torch.device) -> Iterator[None]:
    """Torch tells of a lack of memory by a RuntimeError of some text. Raises ResourceError."""
    try:
        yield
    except RuntimeError as cause:
        if not any(words in str(cause) for words in LACKING):
            raise
        raise ResourceError(
            f"There is not enough memory on the device '{device}' to train in batches of {batch_size:,} "
            "images; a smaller batch_size or network needs less."
        ) from None


def find_device(name: str) -> str:
    """`name` if it is there; "auto" is cuda where there is one, and the CPU elsewhere. Raises UsageError."""
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return "cuda" if present["cuda"] else "cpu"
    if not present.get(name):
        there = ", ".join(device for device, is_there in present.items() if is_there)
        raise UsageError(f"There is no device '{name}' here; there are: auto, {there}.")
    return name


def torch_device(name: str) -> torch.device:
    """The device `name`, as `find_device` takes it; a colon and a number may follow: cuda:1. Raises
    UsageError for one that is not there."""
    kind, colon, number = str(name).partition(":")
    kind = find_device(kind)
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if colon and not (number.isdecimal() and int(number) < count):
        there = ", ".join(f"{kind}:{n}" for n in range(count))
        raise UsageError(f"There is no device '{name}' here; there are: {kind}, {there}.")
    return torch.device(kind, int(number)) if colon else torch.device(kind)


def find_precision(name: Precision | Literal["auto"], device: torch.device) -> Precision:
    """`name`, or what is native to `device` where that is "auto". Raises UnknownNameError."""
    if name not in ("auto", "fp32", "bf16"):
        raise UnknownNameError("precision", str(name), ("auto", "fp32", "bf16"))
    return native_precision(device) if name == "auto" else name


def native_precision(device: torch.device) -> Precision:
    """bf16 where the processor multiplies it natively, by what it says of itself and never by a timing."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type != "cpu":
        return "fp32"
    able: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # absent from older torch
    return "bf16" if able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16") else "fp32"
