"""A committee: several models as one model file that answers with the mean of their probabilities.

    data = build([read_model("a.onnx"), read_model("b.onnx")], name="committee")

The graph holds each member's whole graph, its temperature too, its values under a number of its own. What
follows is probabilities = softmax(logits / temperature), as in every model file, with logits = log(mean). It
is written from the members' files alone, so it takes no torch, and the same members give the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import ModelFileError, UsageError
from tenfold.metrics import softmax
from tenfold.model import SIZE_LIMIT, Metadata, Model, open_session, parse_model, probabilities, seal
from tenfold.onnx_check import INPUT, check
from tenfold.onnx_wire import Graph, Node, parse, parse_graph
from tenfold.onnx_write import constant, encode

SMALLEST = 1e-30  # added to each mean, so that the logarithm of what rounds to 0 stays a number

Floats = NDArray[np.float64]


def build(
    members: Sequence[Model],
    *,
    name: str,
    temperature: float = 1.0,
    thresholds: Mapping[str, float] | None = None,
    measured: Mapping[str, Any] | None = None,
) -> bytes:
    """The bytes of the model file. All model files have the same classes and see pixels in the same way.

    Raises UsageError for fewer than two members, the same one twice or a committee among them, and
    ModelFileError where they are too large together or ONNX Runtime does not give the mean of their answers.
    """
    check_members(members)
    images = members[0].metadata.golden_images
    exact = mean_logits([_answers(member, images) for member in members])
    metadata = Metadata(
        name=name,
        temperature=float(temperature),
        parameters=sum(member.metadata.parameters for member in members),
        golden_images=images,
        golden_probabilities=softmax(exact, temperature).round(6),
        thresholds=dict(thresholds or {}),
        recipe=_recipe(members, name),
        data=_data(members),
        measured=dict(measured or {}),
        precision="int8" if any(m.metadata.precision == "int8" for m in members) else "float32",
    )
    text = metadata.to_json()
    graph = _joined([parse_graph(parse(member.data).graph) for member in members], metadata.temperature)
    data = encode(graph, text)
    try:
        check(parse(data), metadata.precision)
        if len(data) > SIZE_LIMIT:
            raise ModelFileError(f"it has {len(data):,} bytes; at most {SIZE_LIMIT:,} are allowed")
    except ModelFileError as cause:
        raise ModelFileError(
            f"A committee of these {len(members)} models is too large for a model file: {cause}."
        ) from None
    sealed = seal(data, text)
    open_session(parse_model(sealed, name))  # ONNX Runtime's answers beside the golden ones
    return sealed


def check_members(members: Sequence[Model]) -> None:
    """Raises UsageError for fewer than two, the same one twice, or one that is a committee itself."""
    if len(members) < 2:
        raise UsageError("A committee needs at least two models.")
    first: dict[str, Model] = {}
    for member in members:
        if networks(parse_graph(parse(member.data).graph)) > 1:
            raise UsageError(f"'{member.source}' is a committee itself; name its members instead.")
        if member.sha256 in first:
            raise UsageError(
                f"'{first[member.sha256].source}' and '{member.source}' are the same model; "
                "a committee needs different ones."
            )
        first[member.sha256] = member


def networks(graph: Graph) -> int:
    """How many networks answer: each has a softmax, and a committee has one more for their mean."""
    return max(1, sum(node.operator == "Softmax" for node in graph.nodes) - 1)


def first_network(graph: Graph) -> tuple[Node, ...]:
    """The nodes of the first, up to its probabilities: all of them where there is one."""
    ends = [place for place, node in enumerate(graph.nodes, 1) if node.operator == "Softmax"]
    return graph.nodes[: ends[0]] if ends else graph.nodes


def mean_logits(answers: Sequence[NDArray[Any]]) -> Floats:
    """The logarithm [n, 10] of the mean of the members' `answers`, probabilities [n, 10] each."""
    return np.asarray(np.log(np.mean(answers, axis=0, dtype=np.float64) + SMALLEST))


def _answers(member: Model, images: NDArray[np.uint8]) -> NDArray[Any]:
    """Its golden ones, in float64, where those are for the same images."""
    if np.array_equal(member.metadata.golden_images, images):
        return member.metadata.golden_probabilities
    return probabilities(open_session(member), images)


def _recipe(members: Sequence[Model], name: str) -> dict[str, Any]:
    """Who the members are: each one's name, seed and file."""
    stated = {
        str(number): {
            "name": member.name,
            **{
                key: member.metadata.recipe[key] for key in ("seed", "final") if key in member.metadata.recipe
            },
            "sha256": member.sha256,
        }
        for number, member in enumerate(members, 1)
    }
    summary = f"a committee: the mean of the probabilities of {len(members)} models"
    return {"name": name, "summary": summary, "members": stated}


def _data(members: Sequence[Model]) -> dict[str, str]:
    """All that any member learnt from or was fitted on. Two sets of one name get numbers."""
    found: dict[str, str] = {}
    for member in members:
        for name, checksum in member.metadata.data.items():
            wanted, number = name, 1
            while found.get(wanted, checksum) != checksum:
                number += 1
                wanted = f"{name} ({number})"
            found[wanted] = checksum
    return found


def _joined(graphs: Sequence[Graph], temperature: float) -> Graph:
    parts = [_renamed(graph, f"{number}.") for number, graph in enumerate(graphs, 1)]
    nodes = [node for part in parts for node in part.nodes]
    last = "1.probabilities"
    for number in range(2, len(parts) + 1):
        nodes.append(Node("Add", (last, f"{number}.probabilities"), (f"sum.{number}",), {}))
        last = f"sum.{number}"
    constants = {"share": 1 / len(parts), "smallest": SMALLEST, "temperature": temperature}
    nodes += [
        Node("Mul", (last, "share"), ("mean",), {}),
        Node("Add", ("mean", "smallest"), ("above.zero",), {}),
        Node("Log", ("above.zero",), ("logits",), {}),
        Node("Div", ("logits", "temperature"), ("scaled",), {}),
        Node("Softmax", ("scaled",), ("probabilities",), {"axis": 1}),
    ]
    weights = [tensor for part in parts for tensor in part.initializers]
    weights += [constant(name, [value]) for name, value in constants.items()]
    return Graph(tuple(nodes), tuple(weights), graphs[0].inputs, graphs[0].outputs)


def _renamed(graph: Graph, prefix: str) -> Graph:
    """The same with `prefix` before every name but the input's."""

    def new(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name if name == INPUT else prefix + name for name in names)

    return replace(
        graph,
        nodes=tuple(
            replace(node, inputs=new(node.inputs), outputs=new(node.outputs)) for node in graph.nodes
        ),
        initializers=tuple(replace(tensor, name=prefix + tensor.name) for tensor in graph.initializers),
    )
