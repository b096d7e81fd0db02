"""Trainings that begin with the weights of a saved model."""

import pytest
import torch
from torch import nn

from tenfold.data import Labelled, load_training
from tenfold.errors import UsageError
from tenfold.model import MODELS, Model, parse_model, read_model
from tenfold.training.export import export
from tenfold.training.loop import Examples, Trainer
from tenfold.training.networks import Baseline, Compact, Described, Symmetric
from tenfold.training.recipes import RECIPES, Recipe
from tenfold.training.start import begin_with, check_start

NETWORKS: dict[str, Described] = {
    "baseline": Baseline(),
    "padded": Compact(wide=(6,), narrow=(8, 8)),
    "flattened": Compact(wide=(6, 6), narrow=(), padded=False, flattened=True),
    "small planes": Compact(wide=(6,), narrow=(8, 8), padded=False, flattened=True),
}


def recipe(network: Described, name: str = "small") -> Recipe:
    return Recipe(name, "a few steps", network, epochs=2, batch_size=32, learning_rate=3e-3)


@pytest.fixture(scope="module")
def digits() -> Labelled:
    return load_training().take(range(320), "digits")


def trained(network: Described, digits: Labelled, seed: int = 0) -> tuple[Trainer, Model]:
    trainer = Trainer(recipe(network), digits, seed=seed, precision="fp32")
    trainer.run()
    return trainer, parse_model(export(trainer.network, name="small"), "small.onnx")


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_training_begins_where_the_model_ended(kind: str, digits: Labelled) -> None:
    first, model = trained(NETWORKS[kind], digits)
    second = Trainer(recipe(NETWORKS[kind]), digits, seed=1, precision="fp32")
    begin_with(second, model)
    shown = Examples(digits, torch.device("cpu"))
    assert abs(second.logits(shown) - first.logits(shown)).max() < 1e-3
    with torch.no_grad():  # of a whole set its BatchNorms see what they have recorded
        second.network.train()
        second.network.layers.apply(lambda layer: isinstance(layer, nn.Dropout) and layer.eval())
        learning = second.network(shown.batch(slice(None))[0]).numpy()
    assert abs(learning - first.logits(shown)).max() < 0.05
    before = first.evaluate(shown)[0]
    second.run()
    assert second.evaluate(shown)[0] < before


def test_what_learns_with_batch_norm_has_a_variance_of_one(digits: Labelled) -> None:
    """A step of Adam is of one size, so weights must have one as well."""
    _, model = trained(NETWORKS["padded"], digits)
    trainer = Trainer(recipe(NETWORKS["padded"]), digits, precision="fp32")
    begin_with(trainer, model)
    norms = [norm for norm in trainer.network.modules() if isinstance(norm, nn.BatchNorm2d)]
    assert len(norms) == 3
    for norm in norms:
        assert norm.running_var is not None
        live = norm.running_var[norm.running_var > 1e-3]
        assert torch.allclose(live, torch.ones_like(live), atol=1e-3)


@pytest.mark.parametrize("name", ["fast", "best", "tiny", "baseline", "reader"])
def test_shipped_models_can_be_begun_with(name: str) -> None:
    check_start(RECIPES[name], read_model(MODELS / f"{name}.onnx"))


@pytest.mark.parametrize(
    "network",
    [
        Baseline(),
        Compact(wide=(6,), narrow=(8,)),
        Compact(wide=(6,), narrow=(8, 8, 8)),
        Compact(wide=(6, 8), narrow=(8,)),
        Compact(wide=(6,), narrow=(8, 10)),
        Symmetric(),
    ],
    ids=str,
)
def test_a_model_of_other_layers_is_refused(network: Described, digits: Labelled) -> None:
    _, model = trained(NETWORKS["padded"], digits)
    with pytest.raises(
        UsageError, match=r"'small' cannot begin with 'small.onnx', whose layers are not thos"
    ):
        check_start(recipe(network), model)


def test_a_symmetric_model_is_refused(digits: Labelled) -> None:
    network = Symmetric()
    with pytest.raises(UsageError, match="layers are not those of the recipe's network"):
        check_start(recipe(network), trained(network, digits)[1])


def test_a_model_in_integers_is_refused(digits: Labelled) -> None:
    model = read_model(MODELS / "best-int8.onnx")
    with pytest.raises(UsageError, match="holds 8-bit integers, which do not learn; begin with the model it"):
        check_start(RECIPES["best"], model)
    with pytest.raises(UsageError, match="holds 8-bit integers"):
        begin_with(Trainer(RECIPES["best"], digits), model)


def test_a_check_leaves_torch_as_it_was(digits: Labelled) -> None:
    _, model = trained(Baseline(), digits)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    check_start(recipe(Baseline()), model)
    assert torch.equal(torch.get_rng_state(), before)
