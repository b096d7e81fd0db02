"""What `load.py` measures, a function a part; each gives a record of plain numbers, durations in seconds.

The service has one core and the client another. Rates follow a Poisson process, latency counts from the
planned time, and each part runs `rounds` times with other arrivals; C is the capacity, in requests a second.
"""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from beside_load import Slow, probe
from digit_requests import cut_picture, digits, post
from open_loop import UNANSWERED, Answers, Asked, Client, Floats, poisson
from service_process import Service, Steal

Record = dict[str, Any]
NORMAL = 0.025  # p99 of a service that keeps up
PRECISION = 1.03  # ratio at which the search for C ends
CLOSED = 16  # requests at once where throughput alone is measured
SLOW_KINDS = ("half a head", "half a body", "silent")


@dataclass(frozen=True)
class Setting:
    """How long and how often. `quick` is for a look: its figures mean nothing."""

    rounds: int = 5
    search: float = 2.0  # at each rate of the search for C
    overload: float = 60.0
    after: float = 6.0
    slow_each: int = 500
    receive: float = 10.0  # the service's deadline
    soak: float = 600.0


QUICK = Setting(rounds=1, search=1.5, overload=5.0, after=6.0, slow_each=50, receive=3.0, soak=20.0)


@contextmanager
def service_and_client(
    *arguments: str, command: Sequence[str] | None = None, asked: Sequence[Asked] | None = None
) -> Iterator[tuple[Service, Client]]:
    """The service on the last core of this process, this process on the first."""
    ours, theirs = cores()
    asked = asked or digits()
    named = {} if command is None else {"command": command}
    with Service(*arguments, core=theirs, **named) as service:
        os.sched_setaffinity(0, {ours})
        try:
            with Client(service.address, asked) as client:
                client.drive(poisson(50, 1, 0))  # the first requests warm the caches of both
                yield service, client
        finally:
            os.sched_setaffinity(0, {ours, theirs})


def cores() -> tuple[int, int]:
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise SystemExit("One core for the service and one for the client are needed.")
    return allowed[0], allowed[-1]


def capacity(setting: Setting, model: str | None = None) -> Record:
    """C: the highest rate at which all are answered with 200 and p99 is within 25 ms."""
    steal = Steal(cores())
    arguments = () if model is None else (model,)
    with service_and_client(*arguments, asked=digits(model)) as (_, client):
        found = searched(client, setting)
    return {"per_second": found, "steal": steal.share}


def searched(client: Client, setting: Setting, guess: float = 800.0) -> list[float]:
    found = []
    for round_ in range(setting.rounds):
        guess = highest_rate(client, setting.search, guess, seed=1_000 * round_)
        found.append(guess)
    return found


def highest_rate(client: Client, seconds: float, guess: float, seed: int) -> float:
    """0 where not even 4 a second are answered in time."""
    seeds = iter(range(seed, seed + 1_000))

    def holds(rate: float) -> bool:
        """A rate must fail twice: a pause of the machine is not the service's."""
        return any(normal(client.drive(poisson(rate, seconds, next(seeds)))) for _ in range(2))

    low, high = guess / 1.3, guess * 1.3
    while not holds(low):
        low, high = low / 1.7, low
        if low < 4:
            return 0.0
    while holds(high):
        low, high = high, high * 1.5
    while high / low > PRECISION:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def normal(answers: Answers) -> bool:
    return bool((answers.status == 200).all() and answers.right.all() and answers.percentile(99) <= NORMAL)


def overload(setting: Setting, c: float) -> Record:
    """2 C and 4 C, then half of C: what is answered, how soon, and how soon all is well again.

    C is looked for anew around each of these minutes, as a shared machine is not always as fast, and the mean
    of the two is what the minute is held against.
    """
    steal = Steal(cores())
    found: Record = {"2": [], "4": []}
    with service_and_client() as (service, client):
        before = highest_rate(client, setting.search, c, 0)
        for seed in range(setting.rounds):
            for factor in (2, 4):
                minute = overloaded(client, setting, before, factor, seed)
                after = highest_rate(client, setting.search, before, 1_000 * (2 * seed + factor // 2))
                found[str(factor)].append({**minute, "c": (before + after) / 2})
                before = after
        return {"factors": found, "code": service.end(), "steal": steal.share}


def overloaded(client: Client, setting: Setting, c: float, factor: int, seed: int) -> Record:
    seconds, after = setting.overload, setting.after
    planned = np.concatenate(
        [poisson(factor * c, seconds, 10 * seed + factor), seconds + poisson(c / 2, after, seed)]
    )
    probe(client, every=0.1, seconds=seconds)
    answers = client.drive(planned)
    during = answers.between(0, seconds)
    return {
        "goodput": during.count(200) / seconds,
        "refused": during.count(503),
        "wrong": int((~answers.right).sum()),  # what was not answered too
        "p99": during.percentile(99),
        "refused_p99": during.percentile(99, 503),
        "probe_p99": float(np.percentile(during.probes, 99)),
        "probe_max": float(during.probes.max()),
        "recovery": recovery(answers, seconds, after),
        "lateness": answers.lateness,
    }


def recovery(answers: Answers, begin: float, seconds: float) -> float:
    """Seconds after which each further second was normal."""
    bad = [
        second
        for second in range(int(seconds))
        if not normal(answers.between(begin + second, begin + second + 1))
    ]
    return float(bad[-1] + 1) if bad else 0.0


def slow(setting: Setting, c: float) -> Record:
    """Honest clients at C/2, and then 1,500 that send half a head, half a body or nothing."""
    steal = Steal(cores())
    with service_and_client("--receive", str(setting.receive)) as (_, client):
        rounds = [slowed(client, setting, c, seed) for seed in range(setting.rounds)]
    return {
        "c": c,
        "each": setting.slow_each,
        "receive": setting.receive,
        "rounds": rounds,
        "steal": steal.share,
    }


def slowed(client: Client, setting: Setting, c: float, seed: int) -> Record:
    alone, opening = 5.0, 1.0
    seconds = alone + opening + setting.receive + 1.5
    peers = slow_peers(client, setting.slow_each)
    for index, peer in enumerate(peers):
        client.at(alone + opening * index / len(peers), peer.connect)
    answers = client.drive(poisson(c / 2, seconds, seed))
    base, meanwhile = answers.between(0, alone), answers.between(alone, seconds)
    lasted = np.array([peer.lasted for peer in peers])
    return {
        "base_p99": base.percentile(99),
        "p99": meanwhile.percentile(99),
        "failed": int((answers.status != 200).sum()),
        "uncut": int(np.isnan(lasted).sum()),
        "cut_first": float(np.nanmin(lasted)) if not np.isnan(lasted).all() else math.inf,
        "cut_last": float(np.nanmax(lasted)) if not np.isnan(lasted).all() else math.inf,
    }


def slow_peers(client: Client, each: int) -> list[Slow]:
    whole = post("/v1/predict", b"\x89PNG" + bytes(300), "Content-Type: image/png")
    prefixes = dict(zip(SLOW_KINDS, (whole[:40], whole[:-150], b""), strict=True))
    return [Slow(client, prefix) for prefix in prefixes.values() for _ in range(each)]


def drain(setting: Setting, c: float) -> Record:
    """SIGTERM while requests come at 0.8 C: what had been sent before it must be answered."""
    steal = Steal(cores())
    rounds = []
    for seed in range(setting.rounds):
        with service_and_client() as (service, client):
            rounds.append(drained(service, client, 0.8 * c, seed))
    return {"c": c, "rounds": rounds, "steal": steal.share}


def drained(service: Service, client: Client, rate: float, seed: int) -> Record:
    told = 2.0
    client.at(told, service.signal)
    answers = client.drive(poisson(rate, told + 1, seed), patience=12)
    code = service.end()
    before = answers.sent < told
    answered = answers.status == 200
    return {
        "sent_before": int(before.sum()),
        "lost": int((before & (answers.status == UNANSWERED)).sum()),
        "refused": int((before & (answers.status == 503)).sum()),
        "answered_after": int((~before & answered).sum()),
        "code": code,
    }


def soak(setting: Setting, c: float) -> Record:
    """Half of C for ten minutes, one in a hundred a picture that is cut: memory and open files."""
    steal = Steal(cores())
    seconds = setting.soak
    with service_and_client(asked=[*digits(count=99), cut_picture()]) as (service, client):
        samples: list[tuple[float, int, int, int]] = []

        def sample() -> None:
            found = service.memory(), service.descriptors(), service.threads()
            samples.append((client.now, *found))

        for turn in range(61):
            client.at(turn * seconds / 60, sample)
        answers = client.drive(poisson(c / 2, seconds, 1))
        code = service.end()
    return {"c": c, "seconds": seconds, **soaked(answers, samples), "code": code, "steal": steal.share}


def soaked(answers: Answers, samples: list[tuple[float, int, int, int]]) -> Record:
    table: Floats = np.array(samples, np.float64)
    warm = table[12:]  # from minute 2 of 10
    return {
        "p50": answers.percentile(50),
        "p99": answers.percentile(99),
        "p99.9": answers.percentile(99.9),
        "requests": len(answers.status),
        "failed": len(answers.status) - answers.count(200, 400),
        "wrong": int((~answers.right).sum()),
        "memory_2": int(warm[0, 1]),
        "memory_10": int(warm[-1, 1]),
        "descriptors": [int(warm[0, 2]), int(warm[-1, 2])],
        "threads": [int(warm[:, 3].min()), int(warm[:, 3].max())],
        "samples": samples,
    }


def beside(setting: Setting, peers: dict[str, Sequence[str]], model: str) -> Record:
    """Our service on `model` and its peers, by turns: one at a time, as many as they take, and C."""
    steal = Steal(cores())
    found: dict[str, list[Record]] = {name: [] for name in ("tenfold", *peers)}
    asked = digits(model)
    for seed in range(min(3, setting.rounds)):
        for name in found:
            arguments, command = ((model,), None) if name == "tenfold" else ((), peers[name])
            with service_and_client(*arguments, command=command, asked=asked) as (service, client):
                found[name].append(compared(service, client, asked, setting, seed))
    return {"model": model, "rounds": found, "steal": steal.share}


def compared(service: Service, client: Client, asked: Sequence[Asked], setting: Setting, seed: int) -> Record:
    one = client.drive(np.linspace(0, 3, 20))
    with Client(service.address, asked, connections=CLOSED, most=CLOSED) as many:
        probed = many.drive(np.zeros(CLOSED * 4), patience=30)
        total = int(np.clip(setting.search * probed.count(200) / float(np.nanmax(probed.done)), 32, 10_000))
        crowd = many.drive(np.zeros(total), patience=30)
    throughput = crowd.count(200) / float(np.nanmax(crowd.done))
    return {
        "alone": one.percentile(50),
        "throughput": throughput,
        "c": highest_rate(client, setting.search / 2, 0.7 * throughput, 1_000 * seed),
        "wrong": int((~one.right).sum() + (~crowd.right).sum()),
    }
