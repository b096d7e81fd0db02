"""Learning whole lines: the loss is CTC's, what is right is counted, and a strip can be learnt by heart."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tenfold.data import load_training
from tenfold.errors import UsageError
from tenfold.kinds import LINE
from tenfold.model import open_session, parse_model
from tenfold.onnx_check import INPUT
from tenfold.training.augment import Augmentation
from tenfold.training.ctc import BLANK, LINES, LineExamples, train_lines
from tenfold.training.drawn.lines import LONGEST, Lines
from tenfold.training.export import export
from tenfold.training.loop import Trainer
from tenfold.training.networks import Columns, count_parameters
from tenfold.training.recipes import Recipe, replace

CPU = torch.device("cpu")
SMALL = replace(LINES, network=Columns((4, 6, 8), row=8), epochs=1, batch_size=2)


def strips(*texts: str) -> Lines:
    """Of no digits anyone could read: a dot for each."""
    images = np.zeros((len(texts), 40, 320), np.uint8)
    labels = np.full((len(texts), LONGEST), BLANK, np.uint8)
    for image, row, text in zip(images, labels, texts, strict=True):
        row[: len(text)] = [int(digit) for digit in text]
        for place, digit in enumerate(text):
            image[5 + 3 * int(digit), 20 * place + 10 : 20 * place + 20] = 255
    return Lines(images, labels)


def logits(*columns: int, sure: float = 20.0) -> Tensor:
    """[1, 11, 1, t]: the class of each column, nearly certain."""
    found = torch.zeros(1, BLANK + 1, 1, len(columns))
    found[0, list(columns), 0, range(len(columns))] = sure
    return found


def test_a_batch_is_strips_in_0_to_1_and_whole_labels() -> None:
    examples = LineExamples(strips("123", ""), CPU)
    images, labels = examples.batch(slice(None))
    assert images.shape == (2, 1, 40, 320)
    assert images.dtype == torch.float32
    assert images.max() == 1
    assert labels[0, :4].tolist() == [1, 2, 3, BLANK]
    assert (labels[1] == BLANK).all()


def test_the_loss_is_the_sum_over_all_ways_to_lay_digits_out() -> None:
    """Against every path through five columns, counted out."""
    torch.manual_seed(0)
    found = torch.randn(1, BLANK + 1, 1, 5)
    chances = found[0, :, 0].log_softmax(0)
    total = sum(
        float(chances[list(path), range(5)].sum().exp())
        for path in itertools.product((7, 2, BLANK), repeat=5)
        if [d for d, _ in itertools.groupby(path) if d != BLANK] == [7, 2, 2]
    )
    examples = LineExamples(strips("722"), CPU)
    loss = examples.loss(found, examples.labels)
    assert float(loss) == pytest.approx(-np.log(total), abs=1e-4)
    both = examples.loss(found.repeat(2, 1, 1, 1), examples.labels.repeat(2, 1), reduction="sum")
    assert float(both) == pytest.approx(2 * float(loss), abs=1e-4)


@pytest.mark.parametrize(
    ("columns", "text", "right"),
    [
        ((BLANK, 1, 1, BLANK, 1, 3), "113", True),
        ((BLANK, 1, 1, 1, 1, 3), "113", False),
        ((BLANK, 1, BLANK, 1, BLANK, 3), "11", False),
        ((BLANK, BLANK, BLANK), "", True),
        ((0, BLANK, BLANK), "", False),
        ((0, BLANK, 0, 0), "00", True),
        (tuple(itertools.islice(itertools.cycle((1, BLANK)), 60)), "1" * LONGEST, False),
    ],
)
def test_what_is_right_is_the_whole_strip(columns: tuple[int, ...], text: str, right: bool) -> None:
    examples = LineExamples(strips(text), CPU)
    assert int(examples.right(logits(*columns), examples.labels)) == int(right)


def test_lines_are_learnt() -> None:
    """A dot for each digit, in the row that says which: a net of 4,000 parameters gets all of it."""
    rng = np.random.default_rng(0)
    texts = ["".join(map(str, rng.integers(0, 10, 15))) for _ in range(64)]
    network = Columns((8, 12, 16), row=24, dropout=0)
    recipe = replace(SMALL, network=network, epochs=15, batch_size=4, learning_rate=1e-2)
    recipe = replace(recipe, augmentation=Augmentation())
    trainer = Trainer(recipe, LineExamples(strips(*texts), CPU), seed=0, precision="fp32")
    trainer.run()
    loss, accuracy = trainer.evaluate(trainer.training)
    assert accuracy > 0.9
    assert loss < 5


def test_a_training_draws_learns_and_validates(tmp_path: Path) -> None:
    data = load_training().take(range(240), "few").split()
    trainer = train_lines(data, SMALL, strips=(4, 2), kept=tmp_path)
    assert trainer.epoch == 1
    assert trainer.validation is not None
    assert len(trainer.training) == 4
    assert len(trainer.validation) == 2
    assert len(list(tmp_path.iterdir())) == 2  # what was drawn
    again = train_lines(data, SMALL, strips=(4, 2), kept=tmp_path)
    for name, weight in trainer.weights().items():
        assert torch.equal(weight, again.weights()[name])


def test_label_smoothing_is_refused() -> None:
    recipe = replace(SMALL, label_smoothing=0.1)
    with pytest.raises(UsageError, match="without label smoothing"):
        Trainer(recipe, LineExamples(strips("1", "2"), CPU)).run()


def test_the_recipe_is_a_network_of_some_450_000_parameters() -> None:
    network = LINES.network.build()
    assert count_parameters(network) == 456_363
    assert network(torch.zeros(2, 1, 40, 320)).shape == (2, 11, 1, 160)
    assert isinstance(LINES, Recipe)


@pytest.mark.parametrize("width", [2, 90, 640])
def test_its_model_file_takes_strips_of_any_width(width: int) -> None:
    torch.manual_seed(0)
    network = SMALL.network.build()
    network.train()(torch.rand(4, 1, 40, 320))  # norms that are not all alike
    golden = strips("31").images
    data = export(network, name="small", temperature=2.0, golden_images=golden, kind=LINE)
    session = open_session(parse_model(data, "small", LINE))
    images = np.random.default_rng(0).random((2, 1, 40, width), np.float32)
    (found,) = session.run(["probabilities"], {INPUT: images})
    with torch.no_grad():
        wanted = (network.eval().layers(torch.from_numpy(images)) / 2).softmax(1)
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)
