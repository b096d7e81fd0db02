"""Fewer layers that compute the same function in evaluation mode: `merge(layers)`.

A BatchNorm goes into the convolution or dense layer before it (also through a max-pool, where its scale is
positive), a PixelUnshuffle into the convolution behind it, Dropout vanishes, and symmetric layers become
plain ones with all that their few weights stand for. All in float64, so that the one rounding is the
writer's.
"""

import copy

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tenfold.errors import UsageError
from tenfold.training.layers import Conv2d, Residual
from tenfold.training.symmetric import SymmetricConv2d, SymmetricMix, SymmetricNorm


class Affine(nn.Module):
    """x * scale + shift, both [c, 1, 1] or [c]: a BatchNorm that no layer before it could take in."""

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.scale = nn.Buffer(scale)
        self.shift = nn.Buffer(shift)


def merge(layers: list[nn.Module]) -> list[nn.Module]:
    """New layers in float64; the given ones stay as they are. Raises UsageError for a BatchNorm that keeps no
    running statistics.
    """
    merged: list[nn.Module] = []
    for layer in _flat(layers):
        if isinstance(layer, Residual):
            merged.append(Residual(*merge(list(layer.body))))
        elif isinstance(layer, _BatchNorm):
            _merge_affine(merged, _affine(layer))
        elif type(layer) is nn.Conv2d and merged and isinstance(merged[-1], nn.PixelUnshuffle):
            _merge_unshuffle(merged, layer)
        else:
            merged.append(copy.deepcopy(layer).double())
    return merged


def _flat(layers: list[nn.Module]) -> list[nn.Module]:
    flat: list[nn.Module] = []
    for layer in layers:
        if type(layer) is nn.Sequential:
            flat += _flat(list(layer))
        elif not isinstance(layer, nn.Dropout | nn.Dropout2d | nn.Identity):
            flat.append(_plain(layer))
    return flat


def _plain(layer: nn.Module) -> nn.Module:
    """A symmetric convolution as torch's own of the same effect; any other layer as it is."""
    if isinstance(layer, SymmetricConv2d | SymmetricMix):
        conv = nn.Conv2d(
            layer.in_channels,
            layer.out_channels,
            (layer.kernel_size[0], layer.kernel_size[1]),
            (layer.stride[0], layer.stride[1]),
            layer.padding if isinstance(layer.padding, str) else (layer.padding[0], layer.padding[1]),
            groups=layer.groups,
            bias=False,
            device="meta",  # its own weights would cost a draw from the global generator
        )
        conv.weight = nn.Parameter(layer.whole().detach())
        return conv
    return layer


def _affine(norm: _BatchNorm) -> Affine:
    if norm.running_mean is None or norm.running_var is None:
        raise UsageError("A BatchNorm without running statistics cannot be written to a model file.")
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.detach().double()
    shift = -norm.running_mean.double() * scale
    bias = norm.whole() if isinstance(norm, SymmetricNorm) else norm.bias
    if bias is not None:
        shift = shift + bias.detach().double()
    shape = (-1,) if isinstance(norm, nn.BatchNorm1d) else (-1, 1, 1)
    return Affine(scale.reshape(shape), shift.reshape(shape))


def _merge_affine(merged: list[nn.Module], affine: Affine) -> None:
    """Into the convolution or dense layer before it. A max-pool commutes with a positive scale."""
    at = len(merged) - 1
    if at > 0 and isinstance(merged[at], nn.MaxPool2d) and bool((affine.scale > 0).all()):
        at -= 1
    target = merged[at] if merged else None
    if type(target) is not nn.Conv2d and type(target) is not Conv2d and type(target) is not nn.Linear:
        merged.append(affine)
        return
    scale, shift = affine.scale.flatten(), affine.shift.flatten()
    target.weight = nn.Parameter(target.weight * scale.reshape(-1, *[1] * (target.weight.ndim - 1)))
    target.bias = nn.Parameter(shift if target.bias is None else target.bias * scale + shift)


def _merge_unshuffle(merged: list[nn.Module], conv: nn.Conv2d) -> None:
    """PixelUnshuffle(r) and a k x k convolution: rk x rk with r times the stride and padding does both."""
    unshuffle = merged[-1]
    assert isinstance(unshuffle, nn.PixelUnshuffle)
    plain = conv.groups == 1 and conv.dilation == (1, 1) and conv.padding_mode == "zeros"
    if not plain or isinstance(conv.padding, str):
        merged.append(copy.deepcopy(conv).double())
        return
    r = unshuffle.downscale_factor
    out, channels, height, width = conv.weight.shape
    weight = conv.weight.detach().double().reshape(out, channels // r**2, r, r, height, width)
    wide = nn.Conv2d(
        channels // r**2,
        out,
        (r * height, r * width),
        (r * conv.stride[0], r * conv.stride[1]),
        (r * conv.padding[0], r * conv.padding[1]),
        device="meta",  # its own weights would cost a draw from the global generator
    )
    wide.weight = nn.Parameter(weight.permute(0, 1, 4, 2, 5, 3).reshape(wide.weight.shape))
    wide.bias = None if conv.bias is None else nn.Parameter(conv.bias.detach().double())
    merged[-1] = wide
