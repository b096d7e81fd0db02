"""Makes a shipped model anew from its recipe, and its card: `python scripts/ship.py fast [--seed 0]`.

Two trainings with the same seed: one on the 55,000, whose validation images fit temperature and thresholds,
and a final one on all 60,000, whose last step is the model. A recipe that chooses its epoch on validation
images (one with `patience`) ships the first, and so does `--development`, in half of the time. The same
machine, versions and threads give the same bytes. The card takes what it says from the model file and from
benchmarks/results; `--card` writes it alone.

`lines`, the network of whole lines, learns from strips of numbers that are drawn first (`training/ctc.py`),
and is shipped in 8-bit integers.

`--refit` trains nothing: the thresholds and figures of the shipped file are found anew. Those of `reader`
depend on `lines`, which it asks for a second opinion.

`--int8` trains nothing: it makes `best-int8` of the shipped `best`, judged on the validation images, and then
measures it once on the test images.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch

from tenfold.data import load_test
from tenfold.data.mnist import load_training, split
from tenfold.environment import cores
from tenfold.files import write_atomic
from tenfold.harness.evaluate import evaluate
from tenfold.harness.quantise import quantise as rounded
from tenfold.harness.quantise import with_measured
from tenfold.kinds import LINE
from tenfold.metrics import t_interval, wilson
from tenfold.model import LINES, MODELS, Metadata, Model, parse_model, read_model
from tenfold.reading.lines import LineReader
from tenfold.reading.looks import SECOND_LOOK, SECOND_OPINION
from tenfold.reading.reader import Reader
from tenfold.runs import train
from tenfold.runs.quantised import quantise
from tenfold.runs.record import ACCEPTANCE, STATED, stated
from tenfold.thresholds import LIKENESS, fit_thresholds
from tenfold.training import ctc
from tenfold.training.export import export
from tenfold.training.loop import Examples, Trainer
from tenfold.training.recipes import RECIPES

BELOW = {  # what a threshold of a model file does
    "confidence": "confidence below {} is answered unsure",
    "likeness": "what is likely, but spread over many digits, is answered unsure below a likeness of {}",
    SECOND_LOOK: "what no digit reaches {} for is looked at again, turned and slanted",
    SECOND_OPINION: "and the network of whole lines is asked about it, whose log-probabilities count {}",
}
CALIBRATING = 256  # training strips that tell the ranges of what is computed
ROOT = Path(__file__).parent.parent
ELSEWHERE = "On other people's pictures use `reader`. Its confidence in what is no digit means nothing."
LIMITS = {
    "baseline": f"A first lesson, to compare with. It has seen MNIST's digits as they are. {ELSEWHERE}",
    "best": f"It has seen MNIST's digits bent as hands might bend them, on clean paper. {ELSEWHERE}",
    "fast": f"Small and quick; it has seen MNIST's digits moved by a pixel at most. {ELSEWHERE}",
    "tiny": f"For where room is scarce; it has seen MNIST's digits bent a little. {ELSEWHERE}",
    "reader": "It has learnt handwritten digits on paper, alone or beside others. Printed digits, "
    "seven-segment displays and numerals of other scripts it has not.",
    LINES: "It reads nothing alone: `tenfold read` asks it beside a model of single digits, which knows what "
    "is none. It has learnt lines of one to seven digits, with points, dashes and letters beside them, in "
    "three legs (docs/log.md); what the command above makes learns words and signs as well.",
}
SHIPPED = {**RECIPES, LINES: ctc.LINES}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", choices=list(LIMITS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="all cores if left out")
    parser.add_argument("--development", action="store_true", help="ship the training on the 55,000")
    parser.add_argument("--int8", action="store_true", help="8-bit integers, of the shipped model")
    parser.add_argument("--refit", action="store_true", help="thresholds and figures of the shipped model")
    parser.add_argument("--card", action="store_true", help="write the card alone")
    options = parser.parse_args()
    target = MODELS / f"{options.recipe}{'-int8' if options.int8 else ''}.onnx"
    if options.refit:
        refit(target, options.threads)
    elif not options.card and options.int8:
        make_int8(options.recipe, options.threads, target)
    elif not options.card and options.recipe == LINES:
        make_lines(options.seed, options.threads, target)
    elif not options.card:
        final = RECIPES[options.recipe].patience is None and not options.development
        make(options.recipe, options.seed, options.threads, target, final=final)
    card = target.with_suffix(".md")
    card.write_text(describe(read_model(target, kind=None)), "utf-8")
    print(f"{target.name} and {card.name} are in {target.parent}")


def make(recipe: str, seed: int, threads: int | None, target: Path, *, final: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "development"
        train(recipe, seed=seed, threads=threads, out=made)
        if final:
            development, made = made, Path(scratch) / "final"
            train(recipe, seed=seed, final=True, calibration=development, threads=threads, out=made)
        shutil.copyfile(made / "model.onnx", target)


def make_lines(seed: int, threads: int | None, target: Path) -> None:
    sides = split(load_training())
    with tempfile.TemporaryDirectory() as scratch:
        trainer = ctc.train_lines(sides, seed=seed, threads=threads or cores(), kept=Path(scratch))
    write_atomic(target, lines_file(trainer, {side.name: side.checksum for side in sides}))


def lines_file(trainer: Trainer, data: dict[str, str]) -> bytes:
    """The model file of a training of lines, in 8-bit integers, measured on its validation strips."""
    drawn, strips = trainer.training, trainer.validation
    assert strips is not None
    images = drawn.pixels[:CALIBRATING, 0].numpy()
    floats = export(
        trainer.network,
        name=LINES,
        recipe={**trainer.recipe.to_dict(), "seed": trainer.seed, "final": False},
        data=data,
        golden_images=images[:1],
        kind=LINE,
    )
    exact = parse_model(floats, LINES, LINE)
    how = {"from": exact.sha256, "images": len(images)}
    model = parse_model(rounded(exact, images, name=LINES, recipe={"quantised": how}), LINES, LINE)
    right = whole(LineReader(model), strips)
    found = (LINES, right / len(strips), len(strips) - right, len(strips), wilson(right, len(strips)))
    return with_measured(model, {"validation": dict(zip(STATED, found, strict=True))})


def whole(reader: LineReader, strips: Examples) -> int:
    """How many strips it reads without an error."""
    right = 0
    for image, digits in zip(strips.pixels[:, 0].numpy(), strips.labels, strict=True):
        columns = torch.from_numpy(reader.chances(image).T[None, :, None])
        right += int(strips.right(columns, digits[None]))
    return right


def refit(target: Path, threads: int | None) -> None:
    """Thresholds fitted on the validation images, and what is measured, of the model in `target`."""
    model = read_model(target)
    reader, thresholds = Reader.of(model, threads=threads), model.metadata.thresholds
    sides = {"validation": split(load_training())[1], "test": load_test()}
    found = {name: evaluate(reader, side) for name, side in sides.items()}
    _, answers = found["validation"]
    fitted = fit_thresholds(answers, share=ACCEPTANCE, spreads=LIKENESS in thresholds)
    measured = {name: stated(found[name][0]) for name in model.metadata.measured}
    write_atomic(target, with_measured(model, measured, {**thresholds, **fitted}))


def make_int8(recipe: str, threads: int | None, target: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        model = quantise(recipe, out=Path(scratch) / target.name, threads=threads).model
    found, _ = evaluate(Reader.of(model, threads=threads), load_test())
    measured = {**model.metadata.measured, "test": stated(found)}
    write_atomic(target, with_measured(model, measured))


def describe(model: Model) -> str:
    """The card, as Markdown."""
    about = model.metadata
    recipe = SHIPPED[about.recipe["name"]]
    int8 = about.precision == "int8"
    final = bool(about.recipe.get("final"))
    lines = about.kind == LINE
    alike = final or lines or recipe.patience is not None
    options = " --int8" if int8 and not lines else "" if alike else " --development"
    digits = "all 60,000 training images, last step" if final else "55,000 of the 60,000 training images"
    where = "`LINES` in `tenfold.training.ctc`" if lines else f"`tenfold recipes {recipe.name}`"
    card = [
        f"# `{about.name}`: {recipe.summary}{', in 8-bit integers' if int8 else ''}",
        "",
        f"- **Made of**: {about.parameters:,} parameters, {len(model.data) / 1000:,.0f} kB, SHA-256 "
        f"`{model.sha256}`. The recipe `{recipe.name}` ({where}), {'three legs' if lines else 'one run'}; "
        f"`python scripts/ship.py {recipe.name}{options}` makes {'another' if lines else 'it anew'}.",
        f"- **Data**: {'numbers composed of ' if lines else ''}MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0), "
        f"{digits}.",
        *([rounding(about)] if int8 else []),
        *(f"- **Measured**: {line}" for line in measured(model)),
        *([unsure(about)] if about.thresholds else []),
        f"- **Limits**: {LIMITS[recipe.name]}",
    ]
    return "\n".join(card) + "\n"


def unsure(about: Metadata) -> str:
    below = "; ".join(BELOW[name].format(value) for name, value in about.thresholds.items())
    return f"- **Unsure**: temperature {about.temperature}, fitted on 5,000 validation images; {below}."


def rounding(about: Metadata) -> str:
    made = about.recipe["quantised"]
    if about.kind == LINE:
        floats, by, images = "its floats", "", "strips"
    else:
        floats, by, images = f"the shipped `{about.recipe['name']}`", ", by `tenfold quantise`", "images"
    return (
        f"- **Rounding**: {floats}, SHA-256 `{made['from']}`{by}: weights and what is computed are 8-bit "
        f"integers, calibrated on {made['images']:,} training {images}; the logits are floats."
    )


def measured(model: Model) -> list[str]:
    """This very file's figures, then those of its recipe over seeds."""
    name, lines = model.metadata.recipe["name"], []
    over = "strips" if name == LINES else "images"
    what = (
        f"{over} of some eleven digits, drawn as those it learnt from, without an error"
        if name == LINES
        else over
    )
    for on, found in model.metadata.measured.items():
        low, high = found["interval"]
        lines.append(
            f"this model, {on} {what}: {found['accuracy']:.2%} of {found['count']:,} "
            f"({low:.2%} to {high:.2%}, Wilson 95 % over {over})."
        )
    about = "the recipe, in floats," if model.metadata.precision == "int8" else "the recipe"
    return lines + over_seeds(name, about)


def over_seeds(name: str, about: str) -> list[str]:
    for folder, how in ((f"{name}-final", "all 60,000, last step"), (name, "epoch chosen on validation")):
        paths = sorted((ROOT / "benchmarks" / "results" / folder).glob("seed-*.json"))
        if len(paths) > 1:
            errors = [len(json.loads(path.read_text())["wrong"]) / 100 for path in paths]
            mean = t_interval(errors)
            return [
                f"{about} over {len(errors)} seeds ({how}), official test images: {100 - mean.mean:.3f} % "
                f"({100 - mean.high:.3f} to {100 - mean.low:.3f}, Student's t over seeds; one run "
                f"differs from the next by {np.std(errors, ddof=1):.3f})."
            ]
    return [f"{about} has been run with this seed alone."]


if __name__ == "__main__":
    main()
