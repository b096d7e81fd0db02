"""MNIST, inside the package: 60,000 training and 10,000 test digits, loaded and checked in 0.3 s.

    train, test = load_mnist()
    train, validation = split(load_training())      55,000 and 5,000, the same everywhere

The test digits are for the final figure. What selects anything (early stopping, a search, a threshold) calls
`load_training`, which does not open their files. The rule of the split is in `labelled.py`.
"""

from pathlib import Path
from typing import NamedTuple

from tenfold.data.idx import checksum, read_images, read_labels
from tenfold.data.labelled import Labelled, Split
from tenfold.errors import DataError
from tenfold.files import read_bounded

VALIDATION = 5_000
EMBEDDED = Path(__file__).parent / "embedded"
FILE_LIMIT = 2**24  # bytes; the largest of the four has 9.7 million

# SHA-256 of the uncompressed files
CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

TEST_LABELS = CHECKSUMS["t10k-labels-idx1-ubyte"]

# `Labelled.checksum` of the sets, which are known by it whatever they are called
SETS = {
    "mnist-training": "b5d62bbe77964e4865d9682eb1927451ffa975f8223fb14c02bd66e0da7ccbd4",
    "mnist-train": "a55743ce66c70fb6bec47b8d263f0404f7bc95670b0eeefc0f8ef04f94719ca4",
    "mnist-validation": "3d1ff3a331816938e9fd0005ff41d9b6b8e2daa5348bac039ea13cdf3cb8c231",
    "mnist": "2fa705979377e1c59f5a33179f55035bbfe650c26bbe5bdf8a706104d54b6c26",
}


class Mnist(NamedTuple):
    train: Labelled
    test: Labelled


def load_mnist(folder: str | Path = EMBEDDED) -> Mnist:
    """All 70,000 digits: `train`, the 60,000, and `test`, the 10,000 for the final figure, each with `images`
    uint8 [n, 28, 28], ink bright, and `labels` uint8 [n].

    Raises DataError for a file of `folder` that is absent or not MNIST's, IdxError for one that is unsound.
    """
    return Mnist(load_training(folder), load_test(folder))


def load_training(folder: str | Path = EMBEDDED) -> Labelled:
    """The 60,000 training digits; the test files stay closed. Raises as `load_mnist` does."""
    return _load("mnist-training", folder, "train", 60_000)


def load_test(folder: str | Path = EMBEDDED) -> Labelled:
    """The official 10,000 test digits, named "mnist". Raises as `load_mnist` does."""
    return _load("mnist", folder, "t10k", 10_000)


def is_test_set(data: Labelled) -> bool:
    """Whether `data` is the official test set, whatever it is called: by its labels, so that also pictures
    made of its images are, and without opening its files."""
    return checksum(data.labels) == TEST_LABELS


def split(train: Labelled) -> Split:
    """The 60,000 parted into the 55,000 "mnist-train" and the 5,000 "mnist-validation"."""
    parts = train.split(VALIDATION)
    return Split(
        Labelled("mnist-train", parts.train.images, parts.train.labels),
        Labelled("mnist-validation", parts.validation.images, parts.validation.labels),
    )


def _load(name: str, folder: str | Path, prefix: str, count: int) -> Labelled:
    image_file, label_file = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
    images = read_images(_read(folder, image_file), count, name=f"MNIST's file {image_file}")
    labels = read_labels(_read(folder, label_file), count, name=f"MNIST's file {label_file}")
    for file, array in ((image_file, images), (label_file, labels)):
        if checksum(array) != CHECKSUMS[file]:
            raise DataError(
                f"MNIST's file {file} does not hold MNIST: its checksum differs; reinstall tenfold."
            )
    return Labelled(name, images, labels)


def _read(folder: str | Path, file: str) -> bytes:
    return read_bounded(Path(folder, f"{file}.gz"), FILE_LIMIT, DataError, "MNIST's file")
