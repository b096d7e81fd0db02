"""/metrics: valid for Prometheus' own parser, and exact."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.serving.conftest import Run, Running

from tenfold.model import DEFAULT_MODEL, read_model, resolve

UNITS = re.compile(r"tenfold_(\w+_)?(total|seconds|bytes|created|info|depth|ready|in_work|connections|fds)")


def test_the_text_is_valid_and_named_as_the_custom_is(service: Running, seven: bytes) -> None:
    service.http.post("/v1/predict", content=seven)
    answer = service.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.text))
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.documentation
        for sample in family.samples:
            base = re.sub("_(bucket|sum|count)$", "", sample.name)
            assert UNITS.fullmatch(base), sample.name
            assert set(sample.labels) <= {"route", "code", "reason", "le", "model", "sha256"}


def test_the_model_is_named_by_its_checksum(service: Running) -> None:
    sha256 = read_model(resolve()).sha256
    assert service.metric("tenfold_model_info", model=DEFAULT_MODEL, sha256=sha256) == 1
    assert service.metric("tenfold_ready") == 1


def test_the_counts_are_exact(run: Run, seven: bytes) -> None:
    """Of many at once, some refused: what clients saw is what was counted."""
    with run(queue=4) as service:

        def ask(number: int) -> tuple[str, int]:
            if number % 10 == 0:
                return "(none)", service.http.get(f"/nix/{number}").status_code
            content = b"no picture" if number % 10 == 1 else seven
            found = service.http.post("/v1/predict", content=content)
            return "/v1/predict", found.status_code

        with ThreadPoolExecutor(16) as pool:
            seen = Counter(pool.map(ask, range(300)))
        refused = seen.pop(("/v1/predict", 503), 0)
        for (route, code), count in seen.items():
            assert service.metric("tenfold_requests_total", route=route, code=str(code)) == count
        late = service.metric("tenfold_requests_total", route="/v1/predict", code="503")  # full by then
        assert service.metric("tenfold_requests_total", route="(none)", code="503") + late == refused
        assert service.metric("tenfold_rejected_total", reason="queue") == refused
        answered = late + sum(count for (route, _), count in seen.items() if route == "/v1/predict")
        assert service.metric("tenfold_request_duration_seconds_count", route="/v1/predict") == answered
        assert service.metric("tenfold_queue_depth") == 0


@pytest.mark.parametrize("path", ["/v1/predict/x", "/V1/PREDICT", "/%41", "/nix?route=x"])
def test_a_client_makes_no_label(service: Running, path: str) -> None:
    service.http.get(path)
    families = text_string_to_metric_families(service.http.get("/metrics").text)
    known = {route.path for route in service.server.guard.router.routes} | {"(none)"}  # type: ignore[attr-defined]
    found = {
        sample.labels["route"] for family in families for sample in family.samples if "route" in sample.labels
    }
    assert found <= known
