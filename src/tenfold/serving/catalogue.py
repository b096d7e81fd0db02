"""The models that the service offers: the one it was started with, and all shipped ones, by name.

Names come from the command line at start and from the package, so no request can make the service open a
file.
"""

import re
import threading
from pathlib import Path
from typing import Any

from tenfold.errors import UnknownNameError
from tenfold.model import list_models, resolve
from tenfold.reading import Reader

VERSION = "1"  # each model has this one version; its SHA-256 is what tells two apart


class Catalogue:
    """Readers by name, each made when first asked for; `default` names the one of the command line."""

    def __init__(self, model: str | None = None) -> None:
        path = resolve(model)
        shipped = {name: resolve(name) for name in list_models()}
        given = next((name for name, home in shipped.items() if home == path), None)
        self.default = given or _name(path, taken=shipped)
        self._paths = {self.default: path, **shipped}
        self._readers: dict[str, Reader] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """The default first, then the shipped ones, sorted."""
        return list(self._paths)

    def described(self) -> list[dict[str, Any]]:
        """The models with the fields of `tenfold models --json`; loads them all. Raises ModelFileError."""
        return [self.load(name).model.listed(name, self.default) for name in self.names]

    def check(self, name: str | None) -> str:
        """`name`, or the default's for None. Raises UnknownNameError."""
        if name is None:
            return self.default
        if name not in self._paths:
            raise UnknownNameError("model", name[:64], self._paths)
        return name

    def loaded(self, name: str) -> Reader | None:
        return self._readers.get(name)

    def load(self, name: str) -> Reader:
        """The Reader, its golden answers checked: 0.2 s the first time. Raises ModelFileError."""
        with self._lock:
            if name not in self._readers:
                self._readers[name] = Reader(self._paths[name], threads=1)
            return self._readers[name]


def _name(path: Path, taken: dict[str, Path]) -> str:
    """What a URL can hold, from the name of a run folder or model file."""
    stem = path.parent.resolve().name if path.name == "model.onnx" else path.stem
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.")[:64] or "model"
    return f"my-{name}" if name in taken else name
