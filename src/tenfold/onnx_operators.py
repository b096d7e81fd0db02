"""What each operator of a model file may be given, and what it then gives: its shape and its cost.

    operator = OPERATORS["Conv"]
    operator.kinds["fFF"]                       "f": of computed floats and two constants it makes floats
    shape, multiplications = operator.rule(Call(node, ((1, 28, 28),), (weights, biases)))

Each rule raises ModelFileError for what does not fit, an attribute of any other name is refused, and the
numbers that a file may choose are bounded before anything is computed with them.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tenfold.errors import ModelFileError
from tenfold.onnx_wire import Node

_SPATIAL_LIMIT = 1_024  # kernel, stride, pad, dilation, group: far above use, far below overflow

Shape = tuple[int, ...]  # of one image: the free batch axis is left out


def require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ModelFileError(otherwise)


@dataclass(frozen=True)
class Value:
    """What a name stands for. `kind` is f for computed floats, u for computed uint8, and of constants F for
    floats, U for uint8, B for int8, I for int32."""

    kind: str
    shape: Shape
    role: str = ""  # that it may have: "scales" of floats above zero and not too large, "zeros" of integers


@dataclass(frozen=True)
class Call:
    """One node and its inputs: the shapes of computed ones in `data`, constants in `constants`."""

    node: Node
    data: tuple[Shape, ...]
    constants: tuple[Value, ...]

    @property
    def weights(self) -> tuple[Shape, ...]:
        return tuple(value.shape for value in self.constants)

    def integer(self, name: str, default: int) -> int:
        value = self.node.attributes.get(name, default)
        require(isinstance(value, int), f"its {self.node.operator} has a wrong {name}")
        assert isinstance(value, int)
        return value

    def integers(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        value = self.node.attributes.get(name, default)
        good = isinstance(value, tuple) and len(value) == len(default)
        require(good, f"its {self.node.operator} has a wrong {name}")
        assert isinstance(value, tuple)
        require(max(value) <= _SPATIAL_LIMIT, f"its {self.node.operator} has {name} above {_SPATIAL_LIMIT:,}")
        return value


@dataclass(frozen=True)
class Operator:
    """Shape rule, the kinds of its inputs with the kind that they give, and the attributes it may have."""

    rule: Callable[[Call], tuple[Shape, int]]  # output shape and multiplications
    kinds: Mapping[str, str]
    attributes: frozenset[str] = frozenset()


def _windows(call: Call, plane: Shape, kernel: Shape) -> Shape:
    """Height and width of what a sliding window gives."""
    strides = call.integers("strides", (1, 1))
    dilations = call.integers("dilations", (1, 1))
    pads = call.integers("pads", (0, 0, 0, 0))
    require(
        min(*strides, *dilations, *kernel) > 0, f"its {call.node.operator} has a window or a step of zero"
    )
    size = tuple(
        (plane[i] + pads[i] + pads[i + 2] - dilations[i] * (kernel[i] - 1) - 1) // strides[i] + 1
        for i in (0, 1)
    )
    require(min(size) > 0, f"its {call.node.operator} has a window larger than the plane")
    return size


def _conv(call: Call) -> tuple[Shape, int]:
    (x,), kernel = call.data, call.weights[0]
    group = call.integer("group", 1)
    fits = len(x) == 3 and len(kernel) == 4 and 0 < group <= _SPATIAL_LIMIT
    fits = fits and kernel[1] * group == x[0] and kernel[0] % group == 0
    fits = fits and call.weights[1:] in ((), ((kernel[0],),))
    fits = fits and call.integers("kernel_shape", kernel[2:]) == kernel[2:]
    require(fits, "its Conv does not fit its input")
    plane = _windows(call, x[1:], kernel[2:])
    return (kernel[0], *plane), math.prod(kernel) * math.prod(plane)


def _pool(call: Call) -> tuple[Shape, int]:
    (x,) = call.data
    kernel = call.integers("kernel_shape", (0, 0))
    pads = call.integers("pads", (0, 0, 0, 0))
    fits = len(x) == 3 and all(pad < kernel[i % 2] for i, pad in enumerate(pads))
    require(
        fits and call.integer("count_include_pad", 0) in (0, 1),
        f"its {call.node.operator} does not fit its input",
    )
    plane = _windows(call, x[1:], kernel)
    return (x[0], *plane), x[0] * math.prod(kernel) * math.prod(plane)


def _global_pool(call: Call) -> tuple[Shape, int]:
    (x,) = call.data
    require(len(x) == 3, f"its {call.node.operator} does not fit its input")
    return (x[0], 1, 1), math.prod(x)


def _gemm(call: Call) -> tuple[Shape, int]:
    (x,), weights = call.data, call.weights[0]
    fits = len(x) == 1 and len(weights) == 2 and weights[1:] == x and call.integer("transB", 0) == 1
    require(fits and call.weights[1:] in ((), (weights[:1],)), "its Gemm does not fit its input")
    return weights[:1], math.prod(weights)


def _elementwise(call: Call) -> tuple[Shape, int]:
    """x with a second value of the same shape, or with a constant that is spread over it."""
    x = call.data[0]
    other = call.data[1] if len(call.data) == 2 else call.weights[0]
    spread = len(other) <= len(x) and all(
        a in (1, b) for a, b in zip(reversed(other), reversed(x), strict=False)
    )
    require(
        other == x or (len(call.data) == 1 and spread), f"its {call.node.operator} does not fit its inputs"
    )
    return x, math.prod(x)


def _same(call: Call) -> tuple[Shape, int]:
    return call.data[0], math.prod(call.data[0])


def _softmax(call: Call) -> tuple[Shape, int]:
    (x,) = call.data  # classes alone, or those of each place of a row
    fits = len(x) == 1 or (len(x) == 3 and x[1] == 1)
    require(fits and call.integer("axis", -1) == 1, "its Softmax is not over the classes")
    return _same(call)


def _flatten(call: Call) -> tuple[Shape, int]:
    require(call.integer("axis", 1) == 1, "its Flatten is not of each image")
    return (math.prod(call.data[0]),), 0


def _concat(call: Call) -> tuple[Shape, int]:
    first, second = call.data
    fits = len(first) == len(second) and first[1:] == second[1:] and call.integer("axis", 0) == 1
    require(fits, "its Concat does not fit its inputs")
    return (first[0] + second[0], *first[1:]), 0


def _quantize(call: Call) -> tuple[Shape, int]:
    """One scale and one zero point for all values; also the way back."""
    scale, zero = call.constants
    fits = scale.shape == zero.shape == ()
    require(fits and scale.role == "scales", f"its {call.node.operator} has a wrong scale or zero point")
    require(not call.node.attributes, f"its {call.node.operator} has an attribute Tenfold does not write")
    return _same(call)


def _dequantize(call: Call) -> tuple[Shape, int]:
    """Of computed values as above; of constants with a scale, and zero, for each of the first axis."""
    if call.data:
        return _quantize(call)
    codes, scales, *zeros = call.constants
    fits = scales.role == "scales" and len(scales.shape) == 1 and scales.shape == codes.shape[:1]
    fits = fits and all(zero.role == "zeros" and zero.shape == scales.shape for zero in zeros)
    require(fits and call.integer("axis", 1) == 0, "its DequantizeLinear has wrong scales or zero points")
    return codes.shape, math.prod(codes.shape)


_WINDOW = frozenset({"kernel_shape", "strides", "pads"})
_ONE, _TWO, _WITH_CONSTANT, _WITH_WEIGHTS = {"f": "f"}, {"ff": "f"}, {"fF": "f"}, {"fF": "f", "fFF": "f"}

OPERATORS = {
    "Add": Operator(_elementwise, _TWO | _WITH_CONSTANT),
    "AveragePool": Operator(_pool, _ONE, _WINDOW | {"count_include_pad"}),
    "Concat": Operator(_concat, _TWO, frozenset({"axis"})),
    "Conv": Operator(_conv, _WITH_WEIGHTS, _WINDOW | {"dilations", "group"}),
    "DequantizeLinear": Operator(_dequantize, {"uFU": "f", "BFB": "F", "IF": "F"}, frozenset({"axis"})),
    "Div": Operator(_elementwise, _WITH_CONSTANT),
    "Flatten": Operator(_flatten, _ONE, frozenset({"axis"})),
    "Gemm": Operator(_gemm, _WITH_WEIGHTS, frozenset({"transB"})),
    "GlobalAveragePool": Operator(_global_pool, _ONE),
    "GlobalMaxPool": Operator(_global_pool, _ONE),
    "Log": Operator(_same, _ONE),
    "MaxPool": Operator(_pool, _ONE, _WINDOW),
    "Mul": Operator(_elementwise, _TWO | _WITH_CONSTANT),
    "QuantizeLinear": Operator(_quantize, {"fFU": "u"}),
    "Relu": Operator(_same, _ONE),
    "Sigmoid": Operator(_same, _ONE),
    "Softmax": Operator(_softmax, _ONE, frozenset({"axis"})),
}
