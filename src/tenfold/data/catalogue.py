"""The other sets: where each is published, what its files must be, and how they become images and labels.

Addresses and checksums are those of the publishers and of the libraries that load these sets. Where only an
MD5 is published it is used: it finds every accident of a transfer, and nothing that is fetched is ever run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tenfold.data.download import RemoteFile
from tenfold.data.idx import read_idx, read_images, read_labels
from tenfold.data.unpack import read_libsvm, read_member
from tenfold.errors import DataError
from tenfold.files import read_bounded

Part = Literal["train", "test"]
Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # images [n, 28, 28], labels [n]


@dataclass(frozen=True)
class Source:
    """A published set. `read` makes images and labels of the paths of one part's files, in their order."""

    name: str
    about: str
    licence: str
    mirrors: tuple[str, ...]
    parts: Mapping[Part, tuple[RemoteFile, ...]]
    read: Callable[["Source", Part, Sequence[Path]], Arrays]
    classes: int = 10
    folder: str | None = None  # in the cache; the name if None. EMNIST's sets share one file.


# --- what each kind of set holds ---------------------------------------------------------------------------


def _read_idx(source: Source, _part: Part, paths: Sequence[Path]) -> Arrays:
    image_path, label_path = paths
    images = read_images(_bytes(image_path), name=f"'{image_path}'")
    labels = read_labels(_bytes(label_path), classes=source.classes, name=f"'{label_path}'")
    return images, labels


def _read_qmnist(_source: Source, _part: Part, paths: Sequence[Path]) -> Arrays:
    image_path, table_path = paths
    images = read_images(_bytes(image_path), name=f"'{image_path}'")
    return images, read_table(table_path)[:, 0].astype(np.uint8)


def read_table(path: Path) -> NDArray[np.int32]:
    """QMNIST's label table, int32 [n, 8]. Raises IdxError."""
    table: NDArray[np.int32] = read_idx(_bytes(path), shape=(None, 8), dtype=np.int32, name=f"'{path}'")
    return table


def _read_emnist(source: Source, part: Part, paths: Sequence[Path]) -> Arrays:
    archive = paths[0]
    first = 1 if source.name == "emnist-letters" else 0  # A is 1 there
    names = [f"gzip/{source.name}-{part}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")]
    image_bytes, label_bytes = (read_member(archive, name, f"'{archive}'") for name in names)
    images = read_images(image_bytes, name=names[0])
    labels = read_labels(label_bytes, classes=source.classes + first, name=names[1])
    if labels.size and labels.min() < first:
        raise DataError(f"{names[1]} has the label 0, where the first letter is 1.")
    return images.swapaxes(1, 2), labels - np.uint8(first)  # EMNIST is stored column by column


def _read_usps(_source: Source, _part: Part, paths: Sequence[Path]) -> Arrays:
    return read_libsvm(_bytes(paths[0]), name=f"'{paths[0]}'")


def _bytes(path: Path) -> bytes:
    return read_bounded(path, 2**26, DataError, "The file")


# --- the table ---------------------------------------------------------------------------------------------


def _four(*checksums: str) -> dict[Part, tuple[RemoteFile, ...]]:
    """The files of a set that is laid out as MNIST is: training images and labels, test images and labels."""
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    files = [RemoteFile(f"{name}-ubyte.gz", told) for name, told in zip(names, checksums, strict=True)]
    return {"train": tuple(files[:2]), "test": tuple(files[2:])}


_EMNIST_ZIP = RemoteFile(
    "gzip.zip", "sha256:fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e", 600_000_000
)
_EMNIST_MIRRORS = (
    "https://biometrics.nist.gov/cs_links/EMNIST/",
    "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",
)
_EMNIST_PARTS: dict[Part, tuple[RemoteFile, ...]] = {"train": (_EMNIST_ZIP,), "test": (_EMNIST_ZIP,)}

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            "mnist",
            "60,000 + 10,000 handwritten digits; also in the package",
            "CC BY-SA 3.0",
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
            _four(
                "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
            _read_idx,
        ),
        Source(
            "fashion-mnist",
            "60,000 + 10,000 pieces of clothing in ten classes; no digits",
            "MIT",
            (
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            ),
            _four(
                "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "sha256:a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "sha256:67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
            _read_idx,
        ),
        Source(
            "kmnist",
            "60,000 + 10,000 cursive Japanese characters in ten classes; no digits",
            "CC BY-SA 4.0",
            (
                "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
                "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            ),
            _four(
                "md5:bdb82020997e1d708af4cf47b453dcf7",
                "md5:e144d726b3acfaa3e44228e80efcd344",
                "md5:5c965bf0a639b31b8f53240b1b52f4d7",
                "md5:7320c461ea6c1c855c0b718fb2a4b134",
            ),
            _read_idx,
        ),
        Source(
            "emnist-digits",
            "240,000 + 40,000 handwritten digits; MNIST's test writers may be among them",
            "not stated",
            _EMNIST_MIRRORS,
            _EMNIST_PARTS,
            _read_emnist,
            folder="emnist",
        ),
        Source(
            "emnist-letters",
            "124,800 + 20,800 handwritten letters in 26 classes, 0 for A; no digits",
            "not stated",
            _EMNIST_MIRRORS,
            _EMNIST_PARTS,
            _read_emnist,
            classes=26,
            folder="emnist",
        ),
        Source(
            "qmnist",
            "60,000 + 60,000 handwritten digits with their writers: MNIST with its lost test digits",
            "BSD",
            ("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
            {
                "train": (
                    RemoteFile("qmnist-train-images-idx3-ubyte.gz", "md5:ed72d4157d28c017586c42bc6afe6370"),
                    RemoteFile(
                        "qmnist-train-labels-idx2-int.gz",
                        "sha256:2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f",
                    ),
                ),
                "test": (
                    RemoteFile("qmnist-test-images-idx3-ubyte.gz", "md5:1394631089c404de565df7b7aeaf9412"),
                    RemoteFile(
                        "qmnist-test-labels-idx2-int.gz",
                        "sha256:9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06",
                    ),
                ),
            },
            _read_qmnist,
        ),
        Source(
            "usps",
            "7,291 + 2,007 digits from envelopes, 16x16, placed in a frame as MNIST's are",
            "not stated",
            ("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/",),
            {
                "train": (RemoteFile("usps.bz2", "md5:ec16c51db3855ca6c91edd34d0e9b197"),),
                "test": (RemoteFile("usps.t.bz2", "md5:8ea070ee2aca1ac39742fdd1ef5ed118"),),
            },
            _read_usps,
        ),
    )
}
