"""How the engine starts."""

import pytest
from tests.serving.conftest import Run

from tenfold.serving.engine import Engine, Picture
from tenfold.serving.lanes import BusyError


def test_a_machine_that_is_busy_is_no_reason_not_to_start(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is predicted before the service is ready may wait beyond the deadline of a request."""
    late: list[object] = []
    predict = Engine.predict

    async def late_at_first(self: Engine, picture: Picture, model: str | None = None) -> object:
        if len(late) < 3:
            late.append(picture)
            raise BusyError("deadline")
        return await predict(self, picture, model)

    monkeypatch.setattr(Engine, "predict", late_at_first)
    with run() as service:
        assert service.http.get("/v2/health/ready").status_code == 200
    assert len(late) == 3
