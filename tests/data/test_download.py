from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.data.conftest import Mirror, patience

from tenfold.data.download import Patience, RemoteFile, download
from tenfold.errors import NetworkError
from tenfold.files import sha256

DATA = bytes(range(256)) * 40
FILE = RemoteFile("digits.gz", f"sha256:{sha256(DATA)}")
PATIENT = patience()


@pytest.fixture(autouse=True)
def served(mirror: Mirror, second_mirror: Mirror) -> None:
    mirror.files["/digits.gz"] = second_mirror.files["/digits.gz"] = DATA


@pytest.mark.parametrize("fault", ["", "no length", "once 503", "once hang up", "once cut", "once stall"])
def test_a_mirror_that_serves_or_recovers_is_enough(mirror: Mirror, fault: str) -> None:
    mirror.faults["/digits.gz"] = fault
    assert download(FILE, [mirror.url], "digits", patience(fault)) == DATA
    assert len(mirror.asked) == 1 + fault.startswith("once ")


# fault -> what is told of the mirror, and how often it is asked: what cannot recover is asked once
FAULTS = {
    "404": ("answered 404", 1),
    "403": ("answered 403", 1),
    "503": ("answered 503", 2),
    "429": ("answered 429", 2),
    "hang up": ("cannot be reached", 2),
    "mute": ("was silent for 0.3 s", 2),
    "stall": ("was silent for 0.3 s", 2),
    "cut": ("stopped after 5,120 of 10,240 bytes", 2),
    "page": ("sent a web page instead of the file", 1),
    "redirect file:///etc/passwd": ("redirects to something that is not http or https", 1),
    "redirect ftp://127.0.0.1/digits.gz": ("redirects to something that is not http or https", 1),
    "redirect data:,digits": ("redirects to something that is not http or https", 1),
    "redirect //[": ("redirects to something that is not http or https", 1),
}


@pytest.mark.parametrize(("fault", "told", "times"), [(key, *value) for key, value in FAULTS.items()])
def test_a_mirror_that_fails_is_named_with_its_reason(
    mirror: Mirror, fault: str, told: str, times: int
) -> None:
    mirror.faults["/digits.gz"] = fault
    with pytest.raises(NetworkError) as caught:
        download(FILE, [mirror.url], "digits", patience(fault, silence=0.3))
    assert str(caught.value) == (
        f"The data set 'digits' cannot be downloaded: http://{mirror.host} {told}. "
        "Try again later, or get digits.gz elsewhere and import it: "
        "tenfold data fetch digits --import-from FILE_OR_FOLDER."
    )
    assert len(mirror.asked) == times


@pytest.mark.parametrize("fault", FAULTS)
def test_the_second_mirror_serves_when_the_first_fails(
    mirror: Mirror, second_mirror: Mirror, fault: str
) -> None:
    mirror.faults["/digits.gz"] = fault
    assert download(FILE, [mirror.url, second_mirror.url], "digits", patience(fault)) == DATA
    assert len(mirror.asked) == len(second_mirror.asked) == 1


def test_wrong_bytes_are_never_returned(mirror: Mirror) -> None:
    mirror.files["/digits.gz"] = DATA[:-1] + b"?"
    with pytest.raises(NetworkError, match="sent other bytes than the checksum says"):
        download(FILE, [mirror.url], "digits", PATIENT)


def test_an_md5_is_checked_as_well(mirror: Mirror) -> None:
    told = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    assert download(RemoteFile("digits.gz", f"md5:{told}"), [mirror.url], "digits", PATIENT) == DATA
    with pytest.raises(NetworkError, match="sent other bytes"):
        download(RemoteFile("digits.gz", f"md5:{told[::-1]}"), [mirror.url], "digits", PATIENT)


def test_a_redirect_within_http_is_followed(mirror: Mirror, second_mirror: Mirror) -> None:
    mirror.faults["/digits.gz"] = f"redirect {second_mirror.url}digits.gz"
    assert download(FILE, [mirror.url], "digits", PATIENT) == DATA


@pytest.mark.parametrize(("fault", "told"), [("", "announced 10,240 bytes"), ("no length", "sent more than")])
def test_the_size_limit_at_and_over(mirror: Mirror, fault: str, told: str) -> None:
    mirror.faults["/digits.gz"] = fault
    at = RemoteFile(FILE.name, FILE.checksum, limit=len(DATA))
    over = RemoteFile(FILE.name, FILE.checksum, limit=len(DATA) - 1)
    assert download(at, [mirror.url], "digits", PATIENT) == DATA
    with pytest.raises(NetworkError, match=told):
        download(over, [mirror.url], "digits", PATIENT)


def test_a_mirror_that_drips_is_stopped_at_the_deadline(mirror: Mirror) -> None:
    mirror.faults["/digits.gz"] = "drip"  # 10,240 bytes would take 200 s
    with pytest.raises(NetworkError, match="was too slow"):
        download(FILE, [mirror.url], "digits", Patience(deadline=1))
    assert len(mirror.asked) == 1


def test_after_the_deadline_no_mirror_is_asked(mirror: Mirror) -> None:
    with pytest.raises(NetworkError, match="was not asked in time"):
        download(FILE, [mirror.url], "digits", Patience(deadline=0))
    assert mirror.asked == []


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_mirror_is_asked_as_often_as_is_said(mirror: Mirror, attempts: int) -> None:
    mirror.faults["/digits.gz"] = "503"
    with pytest.raises(NetworkError):
        download(FILE, [mirror.url], "digits", Patience(attempts=attempts, pause=0.01))
    assert len(mirror.asked) == attempts


def test_all_hosts_are_told_of(mirror: Mirror, second_mirror: Mirror) -> None:
    mirror.faults["/digits.gz"], second_mirror.faults["/digits.gz"] = "404", "page"
    with pytest.raises(NetworkError) as caught:
        download(
            FILE,
            [mirror.url, second_mirror.url, "http://127.0.0.1:1/", "https://127.0.0.1:1/"],
            "digits",
            PATIENT,
        )
    assert (
        f"http://{mirror.host} answered 404; http://{second_mirror.host} sent a web page instead of the "
        "file; http://127.0.0.1:1 cannot be reached; https://127.0.0.1:1 cannot be reached."
    ) in str(caught.value)


@pytest.mark.parametrize("kind", ["file", "ftp", "data"])
def test_a_mirror_that_is_not_http_is_not_opened(kind: str, tmp_path: Path) -> None:
    (tmp_path / "digits.gz").write_bytes(DATA)
    with pytest.raises(NetworkError, match="cannot be reached"):
        download(FILE, [f"{kind}://{tmp_path}/"], "digits", PATIENT)


def test_progress_is_told(mirror: Mirror) -> None:
    seen: list[tuple[str, int, int | None]] = []
    download(FILE, [mirror.url], "digits", PATIENT, lambda *step: seen.append(step))
    assert seen[-1] == ("digits.gz", len(DATA), len(DATA))
    assert [so_far for _, so_far, _ in seen] == sorted({so_far for _, so_far, _ in seen})
