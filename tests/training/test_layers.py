import pytest
import torch
from torch import Tensor

from tenfold.training.layers import Conv2d, Dropout

# a convolution's gradient


@pytest.mark.parametrize("shape", [(1, 3, 3, 3), (2, 5, 4, 7), (64, 16, 6, 6), (256, 64, 4, 4)])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("bf16", [True, False])
def test_a_convolution_learns_as_any_does(
    shape: tuple[int, ...], layout: torch.memory_format, bf16: bool
) -> None:
    """As torch's own in fp32: that one's gradient in bf16 is 4 % off where the processor has none."""
    torch.manual_seed(0)
    theirs = torch.nn.Conv2d(shape[1], 8, 3, bias=False)
    ours = Conv2d(shape[1], 8, 3)
    ours.load_state_dict(theirs.state_dict())
    target = torch.randn(8, 1, 1)
    found = []
    for layer in (theirs, ours):
        layer.to(memory_format=layout)  # type: ignore[call-overload]
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(shape, generator=generator).contiguous(memory_format=layout).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16 and layer is ours):
            out = layer(x)
        (out.float() * target).tanh().sum().backward()
        found.append((out.float(), x.grad, layer.weight.grad))
        assert layer.weight.grad is not None
        assert layer.weight.grad.dtype is torch.float32
    for expected, value in zip(*found, strict=True):
        scale = expected.abs().max().item()  # a step of bf16 is 1/128 of a value
        torch.testing.assert_close(value, expected, rtol=0, atol=scale * (1 / 64 if bf16 else 1e-6))


# dropout


def dropped(p: float, x: Tensor, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    out: Tensor = Dropout(p)(x)
    return out


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_drops_its_share_and_scales_the_rest(p: float, dtype: torch.dtype) -> None:
    out = dropped(p, torch.ones(1000, 400, dtype=dtype))
    zero, scaled = sorted(set(out.flatten().tolist()))
    assert zero == 0
    assert scaled == pytest.approx(1 / (1 - p), rel=1e-4 if dtype is torch.float32 else 4e-3)
    # five standard deviations of the share of 400,000 draws
    assert (out == 0).float().mean().item() == pytest.approx(p, abs=5 * (p * (1 - p) / 400_000) ** 0.5)


def test_dropout_drops_neighbours_independently() -> None:
    """Four values come from one draw of 64 bits: no two places of a word may know of each other."""
    kept = (dropped(0.5, torch.ones(100_000, 4)) != 0).double()
    correlation = torch.corrcoef(kept.T) - torch.eye(4)
    assert correlation.abs().max().item() < 5 / 100_000**0.5
    assert (kept.mean(0) - 0.5).abs().max().item() < 5 * 0.5 / 100_000**0.5


@pytest.mark.parametrize("shape", [(), (1,), (3,), (5, 7), (2, 3, 5, 7), (0, 4)])
def test_dropout_takes_any_shape(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape)
    out = dropped(0.5, x)
    assert out.shape == x.shape
    torch.testing.assert_close(out, torch.where(out == 0, 0.0, 2 * x))


def test_dropout_is_a_function_of_the_seed() -> None:
    x = torch.ones(64, 100)
    assert torch.equal(dropped(0.5, x, 1), dropped(0.5, x, 1))
    assert not torch.equal(dropped(0.5, x, 1), dropped(0.5, x, 2))


def test_the_gradient_passes_where_the_value_does() -> None:
    x = torch.rand(8, 100, requires_grad=True)
    out = dropped(0.5, x)
    out.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert torch.equal(x.grad, torch.where(out == 0, 0.0, 2.0))


@pytest.mark.parametrize(
    ("layer", "expected"), [(Dropout(0.5).eval(), 1.0), (Dropout(0.0), 1.0), (Dropout(1.0), 0.0)]
)
def test_dropout_is_plain_in_evaluation_and_at_the_ends(layer: Dropout, expected: float) -> None:
    x = torch.rand(64, 100)
    assert torch.equal(layer(x), expected * x)
