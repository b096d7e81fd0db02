"""Who may ask."""

from collections.abc import Iterator

import pytest
from tests.serving.conftest import Run, Running

from tenfold.errors import UsageError
from tenfold.serving.security import Door
from tenfold.serving.settings import Settings

TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def closed(run: Run) -> Iterator[Running]:
    with run(token=TOKEN, allowed_hosts=("digits.example",)) as found:
        yield found


def raw(path: str, *headers: str, version: str = "1.1") -> bytes:
    lines = [f"GET {path} HTTP/{version}", *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1")


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost", 200),
        ("LOCALHOST:80", 200),
        ("localhost.", 200),
        ("127.0.0.1:8000", 200),
        ("10.1.2.3", 200),  # an address cannot be rebound
        ("[::1]:8000", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("1.2.3", 403),
        ("localhost:99999", 400),
        ("localhost:x", 400),
        ("localhost/x", 400),
        ("a@localhost", 400),
        ("", 400),
        ("localhost, evil.example", 400),
        ("\xe4", 400),
    ],
)
def test_only_our_own_names_are_hosts(service: Running, host: str, code: int) -> None:
    for _ in range(2):  # what was found good is remembered
        assert service.talk(raw("/v2", f"Host: {host}")).startswith(b"HTTP/1.1 %d " % code)


@pytest.mark.parametrize("name", ["https://digits.example", "digits.example:443", "digits.example/x", ""])
def test_an_allowed_host_that_no_request_can_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no host name; give it as"):
        Door(Settings(allowed_hosts=(name,)))


def test_a_request_without_a_host_is_refused_but_for_probes(service: Running) -> None:
    assert service.talk(raw("/v2", version="1.0")).startswith(b"HTTP/1.1 400 ")
    assert service.talk(raw("/v2/health/ready", version="1.0")).startswith(b"HTTP/1.1 200 ")
    assert service.talk(raw("/v2/health/live", "Host: pod.example")).startswith(b"HTTP/1.1 200 ")


def test_a_host_given_twice_is_refused(service: Running) -> None:
    assert service.talk(raw("/v2", "Host: localhost", "Host: localhost")).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("forwarded", ["X-Forwarded-Host: localhost", "Forwarded: host=localhost"])
def test_no_other_header_stands_for_the_host(service: Running, forwarded: str) -> None:
    assert service.talk(raw("/v2", "Host: evil.example", forwarded)).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("http://localhost:{port}", 400),  # passes the door; the body is no picture
        ("https://localhost:{port}", 400),
        ("http://localhost:1", 403),
        ("http://127.0.0.1:1", 403),  # on each port lives another
        ("http://evil.example", 403),
        ("null", 403),
        ("", 403),
        ("file://", 403),
        ("chrome-extension://localhost:{port}", 403),
    ],
)
def test_no_foreign_page_may_post(service: Running, origin: str, code: int) -> None:
    headers = {"origin": origin.format(port=service.port)}
    assert service.http.post("/v1/predict", content=b"x", headers=headers).status_code == code


def test_a_name_that_was_allowed_is_a_host_and_an_origin(closed: Running) -> None:
    headers = {"host": "digits.example", "authorization": f"Bearer {TOKEN}"}
    for origin, code in (("https://digits.example", 400), ("https://other.example", 403)):
        found = closed.http.post("/v1/predict", content=b"x", headers={**headers, "origin": origin})
        assert found.status_code == code


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        ("Bearer", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
        (None, 401),
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/v2", "/metrics"])
def test_what_answers_needs_the_token(closed: Running, path: str, given: str | None, code: int) -> None:
    found = closed.http.get(path, headers={} if given is None else {"authorization": given})
    assert found.status_code == code
    if code == 401:
        assert found.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in found.text


def test_probes_and_the_page_need_no_token(closed: Running) -> None:
    for path in ("/v2/health/live", "/v2/health/ready", "/", "/openapi.json"):
        assert closed.http.get(path).status_code == 200
    assert closed.http.post("/", content=b"x").status_code == 401


def test_the_token_is_asked_for_before_the_body_is_read(closed: Running) -> None:
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
    assert closed.first(head).startswith(b"HTTP/1.1 401 ")
