"""A committee of trained models, as a folder that commands take like a run's: its model file and its record.

    found = committee(["runs/best-0", "runs/best-1", "runs/best-2"])      # runs/committee
    evaluate(found.folder)

Its temperature and its thresholds are fitted on MNIST's validation images, if those are what every member was
fitted on and none learnt from; the temperature is not where a member learnt from rendered pages. Members of
`--final` have seen them: then each member's own temperature is all, and the highest of the members'
thresholds is taken. It takes second looks where all members do. The official test set stays closed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from tenfold import __version__
from tenfold.data import load_training, split
from tenfold.data.labelled import Labelled
from tenfold.environment import machine, versions
from tenfold.errors import UsageError
from tenfold.files import sha256, write_atomic
from tenfold.harness.committee import build, check_members, mean_logits
from tenfold.harness.evaluate import summarise
from tenfold.harness.records.record import Fields, Form, Recorded
from tenfold.harness.records.run import COMMITTEE
from tenfold.metrics import fit_temperature
from tenfold.model import Model, parse_model, read_model, resolve
from tenfold.reading.looks import ONE_LOOK, SECOND_LOOK, SECOND_OPINION
from tenfold.reading.reader import Reader
from tenfold.runs.record import ACCEPTANCE, check_free, new_folder, stated
from tenfold.thresholds import LIKENESS, fit_thresholds

FORMAT = 1
MEMBERS = "members"  # where a calibration comes from, if not from a set
BEGUN: Fields = {
    "status": str,
    "recipe": dict,
    "members": dict,
    "calibration": str,
    "temperature": (int, float),
    "thresholds": dict,
    "data": dict,
    "results": dict,
    "model_sha256": str,
    "test_openings": int,
}


class Committee(Recorded):
    """The folder of a committee and what its committee.json says."""

    FILE: ClassVar[str] = COMMITTEE
    FORM: ClassVar[Form] = Form("a committee", FORMAT, BEGUN, {})


@dataclass(frozen=True)
class Calibration:
    """`on` says what it was fitted on, or MEMBERS; `results` is what was measured there."""

    on: str
    temperature: float
    thresholds: Mapping[str, float]
    results: Mapping[str, Any]


def committee(
    models: Sequence[str | Path],
    *,
    name: str = "committee",
    out: str | Path | None = None,
    threads: int | None = None,
) -> Committee:
    """Join `models` (shipped names, model files or run folders) to one model in a folder of its own.

    `out` must be absent or empty; None is the next free runs/NAME. `threads` is for the validation images.
    Whatever is wrong is raised before the folder is made: UsageError for fewer than two models, one given
    twice, a committee among them, or a name that is no file's, OutputExistsError, ModelFileError.
    """
    check_free(out)
    if not name.isprintable() or name[:1] in ("", ".") or len(name) > 100 or Path(name).name != name:
        raise UsageError(f"A committee's name becomes the name of its folder, which {name!r} cannot be.")
    members = [read_model(resolve(model)) for model in models]
    check_members(members)
    found = _calibrate(members, name, threads)
    measured = {part: stated(result) for part, result in found.results.items()}
    data = build(
        members, name=name, temperature=found.temperature, thresholds=found.thresholds, measured=measured
    )
    folder = new_folder(out, name)
    write_atomic(folder / "model.onnx", data)
    made = Committee(folder, _record(models, members, found, data))
    made.save()
    return made


def _record(
    models: Sequence[str | Path], members: Sequence[Model], found: Calibration, data: bytes
) -> dict[str, Any]:
    metadata = parse_model(data, "the committee").metadata
    return {
        "format": FORMAT,
        "status": "finished",
        "recipe": dict(metadata.recipe),
        "members": {str(model): member.sha256 for model, member in zip(models, members, strict=True)},
        "calibration": found.on,
        "temperature": found.temperature,
        "thresholds": dict(found.thresholds),
        "parameters": metadata.parameters,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": dict(metadata.data),
        "tenfold": __version__,
        "machine": machine(),
        "versions": versions(),
        "results": dict(found.results),
        "model_sha256": sha256(data),
        "test_openings": 0,
    }


def _calibrate(members: Sequence[Model], name: str, threads: int | None) -> Calibration:
    """The temperature is that of the networks' mean alone; thresholds and results are of what the file
    answers, with its second looks."""
    validation = split(load_training()).validation
    careful = _most_careful(members)
    if not all(_fitted_on(member, validation) for member in members):
        return Calibration(MEMBERS, 1.0, careful, {})
    temperature = _temperature(members, validation, threads)
    looks = {key: careful[key] for key in (SECOND_LOOK, SECOND_OPINION) if key in careful}
    file = build(members, name=name, temperature=temperature, thresholds=looks)
    reader = Reader.of(parse_model(file, "the committee"), threads=threads)
    probabilities = reader.probabilities(validation.images)
    thresholds = looks | fit_thresholds(probabilities, share=ACCEPTANCE, spreads=LIKENESS in careful)
    results = {"validation": summarise(probabilities, validation, thresholds)}
    return Calibration(validation.name, temperature, thresholds, results)


def _temperature(members: Sequence[Model], validation: Labelled, threads: int | None) -> float:
    if any(member.metadata.recipe.get("views") for member in members):
        return 1.0  # they are calibrated on rendered pages, and MNIST's digits would undo it
    readers = [Reader.of(member, threads=threads) for member in members]
    logits = mean_logits([reader.probabilities(validation.images, perhaps=ONE_LOOK) for reader in readers])
    return round(fit_temperature(logits, validation.labels), 4)


def _fitted_on(member: Model, validation: Labelled) -> bool:
    """Whether `validation` was kept from its training, as the file itself says."""
    data = member.metadata.data
    return data.get(validation.name) == validation.checksum and "mnist-training" not in data


def _most_careful(members: Sequence[Model]) -> dict[str, float]:
    """The highest thresholds, of those that every member has: without, a member is never unsure, or looks
    but once."""
    given = [member.metadata.thresholds for member in members]
    common = [key for key in given[0] if all(key in thresholds for thresholds in given)]
    return {key: max(thresholds[key] for thresholds in given) for key in common}
