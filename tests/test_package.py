"""The package as a whole: its public list, its version, the way its imports point, what it never contains."""

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tenfold

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "tenfold"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# A room imports from rooms of lower rank only; rooms of one rank know nothing of each other.
RANKS = [
    {"errors", "environment", "kinds", "processes"},
    {"files"},
    {"images"},
    {"data"},
    {"metrics"},
    {"thresholds"},
    {"onnx_wire"},
    {"onnx_operators"},
    {"onnx_check"},
    {"model"},
    {"onnx_write", "reading"},
    {"training.drawn"},
    {"training"},
    {"harness.html", "harness.records"},
    {"harness.estimates"},
    {"harness", "harness.explore"},
    {"harness.report"},
    {"runs"},
    {"serving", "scaling"},
    {"cli"},
    {"__main__"},
]
RANK = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}
TORCHLESS = {*(room for room in RANK if RANK[room] <= RANK["reading"]), "serving", "__main__"}
BASE_PACKAGES = {"numpy", "onnxruntime", "cv2", "PIL", "platformdirs", "rich", "typer"}

LONGEST_FILE = 300
MACHINE_PATH = re.compile(r"""(?<![\w.}$~*-])/(?:work|tmp|root|home/\w+|Users/\w+|opt)\b|[A-Z]:\\Users""")


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """`tenfold.data.mnist` -> `data`; of the largest room a room within it; the package itself -> ``."""
    first, _, rest = module.partition(".")[2].partition(".")
    within = f"{first}.{rest.partition('.')[0]}"
    return within if within in RANK else first


MODULES = {module_name(path): path for path in SOURCES}


def imports(module: str, *, types: bool = True) -> Iterator[str]:
    """Absolute names of all that a module imports, inside functions too; `types`: also for its types only."""
    path = MODULES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    tree = ast.parse(path.read_text("utf-8"))
    if not types:
        tree.body = [node for node in tree.body if not ast.unparse(node).startswith("if TYPE_CHECKING:")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                name = f"{source}.{alias.name}"
                yield name if name in MODULES else source


def inner_imports(module: str, *, types: bool = True) -> set[str]:
    return {name for name in imports(module, types=types) if name in MODULES and name != "tenfold"}


def child(code: str, folder: Path | None = None) -> str:
    """What a fresh interpreter in `folder` prints; its complaints, if any, go to standard error."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=folder).stdout


def test_public_names_can_be_imported() -> None:
    answers = ["Digit", "Failure", "Prediction", "Reader", "Reading"]  # what a Reader gives is named, too
    assert tenfold.__all__ == [*answers, "evaluate", "load_mnist", "train"]
    assert all(getattr(tenfold, name).__doc__ for name in tenfold.__all__)
    assert set(dir(tenfold)) == {*tenfold.__all__, "__version__"}


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'no_such_name'"):
        _ = tenfold.no_such_name


def test_version_is_the_newest_of_the_changelog() -> None:
    released = re.findall(
        r"^## \[(\d[^]]*)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M
    )
    assert released[0] == tenfold.__version__


def test_every_room_has_a_rank() -> None:
    assert {room(module) for module in MODULES} - {""} <= set(RANK)


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"tenfold"}))
def test_imports_point_one_way(module: str) -> None:
    others = {room(name) for name in inner_imports(module)} - {room(module)}
    assert not {other for other in others if RANK[other] >= RANK[room(module)]}


def test_modules_import_each_other_in_no_circle() -> None:
    graph = {module: inner_imports(module, types=False) - {module} for module in MODULES}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_reading_imports_only_the_base_packages() -> None:
    """Not even inside a function: what `pip install tenfold` brings is all that reading has."""
    reading = [module for module in MODULES if RANK.get(room(module), 99) <= RANK["reading"]]
    outside = {name.split(".")[0] for module in reading for name in imports(module)} - set(
        sys.stdlib_module_names
    )
    assert outside - {"tenfold"} <= BASE_PACKAGES


def test_reading_serving_and_the_command_line_start_without_torch() -> None:
    modules = sorted(module for module in MODULES if room(module) in TORCHLESS or module == "tenfold.cli.app")
    assert {"tenfold.reading.reader", "tenfold.cli.app"} <= set(modules)
    code = f"import sys\nfor name in {modules}: __import__(name)\nprint('torch' in sys.modules)"
    assert child(code) == "False\n"


def test_importing_the_package_imports_nothing_else_of_it() -> None:
    code = "import sys, tenfold; print([m for m in sys.modules if m.startswith(('tenfold.', 'numpy'))])"
    assert child(code) == "[]\n"


def test_a_training_needs_no_onnx_package(tmp_path: Path) -> None:
    """It is there for the tests alone, and the extra `train` does not bring it."""
    code = """
import sys
sys.modules["onnx"] = None  # so that its import fails
import numpy as np
from tenfold import load_mnist, train
from tenfold.training.networks import Baseline
from tenfold.training.recipes import Recipe
few = load_mnist().test.take(range(100), "few")
np.savez("few.npz", images=few.images, labels=few.labels)
recipe = Recipe("small", "a few steps", Baseline(), epochs=1)
first = train(recipe, data="few.npz", threads=1, out="first")
train(recipe, data="few.npz", threads=1, out="second", start=str(first.folder))
print(first.folder)
"""
    assert child(code, tmp_path) == "first\n"
    assert (tmp_path / "second" / "model.onnx").exists()


BANNED_IMPORTS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "subprocess"}
BANNED_CALLS = {"eval", "exec", "torch.load", "os.system", "os.popen"}


def banned_in(source: str) -> set[str]:
    """What a source text has of the banned imports, calls (also as a mere name) and `allow_pickle=`."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names} & BANNED_IMPORTS
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= ({(node.module or "").split(".")[0]} & BANNED_IMPORTS) | (names & BANNED_CALLS)
        elif isinstance(node, ast.Name | ast.Attribute):
            found |= {ast.unparse(node)} & BANNED_CALLS
        elif (
            isinstance(node, ast.keyword)
            and node.arg == "allow_pickle"
            and ast.unparse(node.value) != "False"
        ):
            found.add("allow_pickle")
    return found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pickle", {"pickle"}),
        ("from subprocess import run", {"subprocess"}),
        ("from torch import load", {"torch.load"}),
        ("model = torch.load(path)", {"torch.load"}),
        ("read = torch.load", {"torch.load"}),
        ("eval('1')", {"eval"}),
        ("np.load(path, allow_pickle=True)", {"allow_pickle"}),
        ("np.load(path, allow_pickle=False); model.eval(); 'pickle'", set()),
    ],
)
def test_the_search_for_banned_names_finds_them(source: str, found: set[str]) -> None:
    assert banned_in(source) == found


def test_no_source_runs_or_unpickles_what_it_is_given() -> None:
    found = {str(path): banned_in(path.read_text("utf-8")) for path in SOURCES}
    assert {path: names for path, names in found.items() if names} == {}


def test_no_source_file_is_longer_than_one_sitting() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in SOURCES}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (("see ", "work", "x"), True),
        (("'", "tmp'"), True),
        (("src", "work", "x"), False),
        (("a", "tmp", "b"), False),
    ],
)
def test_the_search_for_machine_paths_finds_them(parts: tuple[str, ...], found: bool) -> None:
    assert bool(MACHINE_PATH.search("/".join(parts))) == found  # joined here, so that no line names one


def test_no_tracked_text_names_a_path_of_one_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    found = []
    for name in tracked.decode().split("\0")[:-1]:
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in content[:8192] and MACHINE_PATH.search(content.decode("utf-8", "replace")):
            found.append(name)
    assert found == []
