"""What run.json says of a small finished run."""

from typing import Any

RUN: dict[str, Any] = {
    "format": 1,
    "status": "finished",
    "recipe": {"name": "small"},
    "seed": 3,
    "sets": ["mnist"],
    "final": False,
    "device": "cpu",
    "threads": 1,
    "precision": "fp32",
    "temperature": 1.0,
    "thresholds": {},
    "data": {},
    "counts": {},
    "machine": {},
    "versions": {},
    "durations": {},
    "results": {},
    "test_openings": 1,
    "epochs": 1,
    "kept_epoch": 1,
    "stopped": "last",
    "layers": [],
    "parameters": 1,
    "model_sha256": "ab" * 32,
    "started": "2026-01-01T00:00:00+00:00",
}
