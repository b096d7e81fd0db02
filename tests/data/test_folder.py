import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.data import load_test
from tenfold.data.folder import load_folder, load_npz, read_listing
from tenfold.data.labelled import Labelled
from tenfold.errors import DataError, ImageError
from tenfold.images import to_mnist


def first_byte(path: Path) -> NDArray[np.uint8]:
    """Stands in for the reading of pictures: an image full of the file's first byte."""
    return np.full((28, 28), path.read_bytes()[0], np.uint8)


def write(folder: Path, files: dict[str, bytes | str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def load_bytes(path: Path, **limit: int) -> Labelled:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenfold.data.folder.read_digit", first_byte)
        return load_folder(path, **limit)


def load(path: Path) -> tuple[list[int], list[int]]:
    """First bytes and labels of the set at `path`."""
    data = load_bytes(path)
    assert data.classes == 10
    return data.images[:, 0, 0].tolist(), data.labels.tolist()


# --- a folder per class ------------------------------------------------------------------------------------


def test_a_folder_per_class_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "9/b.PNG": b"\x09",
        "9/a.jpeg": b"\x05",
        "0/z.tif": b"\x01",
        "readme.txt": "x",
    }
    hidden: dict[str, bytes | str] = {
        "9/.DS_Store": "x",
        "9/Thumbs.db": "x",
        ".git/x": "x",
        "__MACOSX/x.png": "x",
    }
    assert load(write(tmp_path / "mine", files | hidden)) == ([1, 5, 9], [0, 9, 9])
    assert load_bytes(tmp_path / "mine").name == "mine"


@pytest.mark.parametrize("name", ["ten", "10", "a", "-1", "²", "٣", "00"])
def test_a_folder_that_is_no_class_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"1/a.png": b"1", f"{name}/a.png": b"1"})
    with pytest.raises(DataError, match=f"has the folder '{name}'; folders of classes are named 0 to 9"):
        load(tmp_path)


def test_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has neither a labels\.csv nor folders named 0 to 9"):
        load(tmp_path)
    write(tmp_path, {"1/a.png": b"1", "2/notes.txt": "no picture"})
    with pytest.raises(DataError, match="2' has no pictures"):
        load(tmp_path)


def test_the_number_of_pictures_at_and_over_the_limit(tmp_path: Path) -> None:
    write(tmp_path, {"1/a.png": b"1", "2/b.png": b"2"})
    assert len(load_bytes(tmp_path, limit=2)) == 2
    with pytest.raises(DataError, match="has 2 pictures; at most 1 are allowed"):
        load_bytes(tmp_path, limit=1)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"3/broken.png": "", "4/large.png": ""})
    os.truncate(tmp_path / "4" / "large.png", 65 << 20)
    with pytest.raises(ImageError, match=r"^'.*/3/broken\.png': The file is empty\.$"):
        load_folder(tmp_path)
    (tmp_path / "3" / "broken.png").unlink()
    (tmp_path / "3").rmdir()
    with pytest.raises(ImageError, match=r"^The picture '.*/4/large\.png' has 68,157,440 bytes"):
        load_folder(tmp_path)


# --- labels.csv --------------------------------------------------------------------------------------------

PICTURES: dict[str, bytes | str] = {"images/a.png": b"\x07", "b.jpg": b"\x02"}

CSVS = {
    "plain": "file,label\nimages/a.png,3\nb.jpg,0\n",
    "digits": "file,digits\nimages/a.png,3\nb.jpg,0\n",
    "label before digits": "digits,label,file\n99,3,images/a.png\n99,0,b.jpg\n",
    "further columns": 'source,file,label,note\n"x, y",images/a.png,3,\n,b.jpg,0\n',
    "capitals and spaces": "File, LABEL\n images/a.png , 3\nb.jpg, 0\n",
    "no line at the end": "file,label\nimages/a.png,3\nb.jpg,0",
    "Windows": "\ufefffile,label\r\nimages/a.png,3\r\nb.jpg,0\r\n",
    "blanks": " file , label \n images/a.png , 3 \n\nb.jpg, 0\n",
}


@pytest.mark.parametrize("text", CSVS.values(), ids=CSVS)
def test_a_list_of_labels_is_read(tmp_path: Path, text: str) -> None:
    write(tmp_path / "mine", PICTURES | {"labels.csv": text})
    assert load(tmp_path / "mine") == load(tmp_path / "mine" / "labels.csv") == ([7, 2], [3, 0])
    assert load_bytes(tmp_path / "mine" / "labels.csv").name == "mine"


def test_a_name_may_begin_with_a_space(tmp_path: Path) -> None:
    write(tmp_path, {" lead.png": b"\x07", "lead.png": b"\x02", "labels.csv": "file,label\n lead.png,3\n"})
    assert load(tmp_path) == ([7], [3])


BAD_CSVS: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "must begin with the line `file,label` or `file,digits`"),
    "no header": ("b.jpg,3\n", "must begin with the line"),
    "no file": ("name,label\nb.jpg,3\n", "must begin with the line"),
    "no label": ("file,class\nb.jpg,3\n", "must begin with the line"),
    "semicolons": ("file;label\nb.jpg;3\n", "must begin with .*`file,digits`, with commas, not semicolons"),
    "tabs": ("file\tlabel\nb.jpg\t3\n", "with commas, not tabs"),
    "no lines": ("file,label\n", "lists no pictures"),
    "ragged": ("file,label\nb.jpg,3\nb.jpg\n", "Line 3 of .* has too few columns"),
    "label 10": ("file,label\nb.jpg,3\nb.jpg,10\n", "Line 3 of .* has the label '10'; .* `file,digits`"),
    "digits x": ("file,digits\nb.jpg,1x\n", "Line 2 of .* has the digits '1x'; they are 0 to 9"),
    "label -1": ("file,label\nb.jpg,-1\n", "Line 2 of .* has the label '-1'; labels are 0 to 9"),
    "label x": ("file,label\nb.jpg,3\nb.jpg,x\n", "Line 3 of .* has the label 'x'"),
    "label 3.0": ("file,label\nb.jpg,3.0\n", r"has the label '3\.0'"),
    "label ²": ("file,label\nb.jpg,²\n", "has the label '²'"),
    "no label given": ("file,label\nb.jpg,\n", "has the label ''"),
    "missing file": ("file,label\nb.jpg,3\nc.jpg,3\n", "Line 3 of .* names the file 'c.jpg', which does not"),
    "no file given": ("file,label\n,3\n", "names the file '', which does not exist"),
    "a folder": ("file,label\nimages,3\n", "names the file 'images', which does not exist"),
    "a name too long": (f"file,label\n{'x' * 5000},3\n", "which does not exist"),
    "not UTF-8": (b"file,label\n\xff.jpg,3\n", "is not a csv file in UTF-8"),
    "open quote": ('file,label\n"b.jpg,3\n', "is not a csv file in UTF-8"),
}


@pytest.mark.parametrize(("text", "sentence"), BAD_CSVS.values(), ids=BAD_CSVS)
def test_a_bad_list_of_labels_is_refused(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    write(tmp_path, PICTURES | {"labels.csv": text})
    with pytest.raises(DataError, match=sentence):
        load(tmp_path)


def test_rows_of_several_digits_are_read_for_pages(tmp_path: Path) -> None:
    write(tmp_path, {"labels.csv": "file,digits,lines\na.png,0123,01|23\n", "a.png": b"x"})
    assert read_listing(tmp_path / "labels.csv") == ([(tmp_path / "a.png", "0123")], True)
    with pytest.raises(DataError, match="shows 4 digits"):
        load(tmp_path)


def test_a_list_over_its_limit_is_refused(tmp_path: Path) -> None:
    write(tmp_path, PICTURES | {"labels.csv": CSVS["plain"]})
    size = len(CSVS["plain"])
    assert len(read_listing(tmp_path / "labels.csv", limit=size).rows) == 2
    with pytest.raises(DataError, match=f"at most {size - 1} are allowed"):
        read_listing(tmp_path / "labels.csv", limit=size - 1)


# --- npz ---------------------------------------------------------------------------------------------------

SQUARES = np.arange(3, dtype=np.uint8)[:, None, None] + np.zeros((3, 16, 20), np.uint8)


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, ">i4"])
def test_an_npz_takes_the_road(tmp_path: Path, dtype: Any) -> None:
    images = 255 - load_test().images[:3].repeat(2, 1).repeat(2, 2)
    path = npz(tmp_path / "mine.npz", images=images, labels=np.array([9, 0, 4], dtype), more=np.zeros(1))
    data = load_npz(path)
    assert (data.name, data.labels.tolist()) == ("mine", [9, 0, 4])
    assert np.array_equal(data.images, [to_mnist(image) for image in images])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_packing_and_order_in_memory_do_not_matter(tmp_path: Path, save: Callable[..., None]) -> None:
    images = load_test().images[:3]
    save(tmp_path / "x.npz", images=np.asfortranarray(images), labels=np.zeros(3, int))
    assert np.array_equal(load_npz(tmp_path / "x.npz").images, images)


BAD_NPZS: dict[str, tuple[dict[str, Any], str]] = {
    "no labels": ({"images": SQUARES}, "has no member labels.npy"),
    "no images": ({"labels": np.zeros(3, int)}, "has no member images.npy"),
    "ragged": (
        {"images": np.array([SQUARES[0], SQUARES[0][:4]], object), "labels": [1, 2]},
        "are its rows ragged",
    ),
    "pickled": (
        {"images": SQUARES, "labels": np.array([1, None, 2], object)},
        "has Python objects in 'labels'",
    ),
    "floats": (
        {"images": SQUARES / 255, "labels": [1, 2, 3]},
        r"must be uint8.*save \(255 \* images\)\.round",
    ),
    "colour": (
        {"images": np.zeros((3, 8, 8, 3), np.uint8), "labels": [1, 2, 3]},
        r"not uint8 \[3, 8, 8, 3\]",
    ),
    "flat": (
        {"images": np.zeros((3, 784), np.uint8), "labels": [1, 2, 3]},
        r"must be uint8 \[n, height, width\]",
    ),
    "no pixels": ({"images": np.zeros((3, 0, 8), np.uint8), "labels": [1, 2, 3]}, "must be uint8"),
    "none": ({"images": np.zeros((0, 8, 8), np.uint8), "labels": np.zeros(0, int)}, "must be uint8"),
    "lengths": ({"images": SQUARES, "labels": [1, 2]}, "has 3 images but 2 labels"),
    "one-hot": ({"images": SQUARES, "labels": np.eye(3, dtype=int)}, r"must be integers \[n\]"),
    "float labels": ({"images": SQUARES, "labels": [1.0, 2.0, 3.0]}, r"must be integers \[n\]"),
    "label 10": ({"images": SQUARES, "labels": [1, 10, 3]}, "has the label 10 at place 1; labels are 0 to 9"),
    "label -1": ({"images": SQUARES, "labels": [1, 2, -1]}, "has the label -1 at place 2"),
    "label 256": ({"images": SQUARES, "labels": [1, 2, 256]}, "has the label 256 at place 2"),
}


@pytest.mark.parametrize(("arrays", "sentence"), BAD_NPZS.values(), ids=BAD_NPZS)
def test_a_bad_npz_is_refused(tmp_path: Path, arrays: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        load_npz(npz(tmp_path / "x.npz", **arrays))


def npy(header: str, body: bytes = b"", version: bytes = b"\1\0") -> bytes:
    """An .npy file made by hand, so that it may lie."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + body


LIES = {
    "huge": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776, 28, 28), }"),
    "negative": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 28, 28), }", bytes(785)),
    "long": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 28, 28), }", bytes(785)),
    "short": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 28, 28), }", bytes(783)),
    "cut in a bracket": npy("{'descr': ('|u1', 'shape'"),
    "deep": npy("-" * 5000 + "1"),
    "no key": npy("{[]: 1}"),
    "code": npy("__import__('os').abort()"),
    "version": npy("{}", version=b"\x09\0"),
    "empty": b"",
    "text": b"<html>",
}


@pytest.mark.parametrize("content", LIES.values(), ids=LIES)
def test_an_array_whose_header_lies_is_refused(tmp_path: Path, content: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("images.npy", content)
        archive.writestr("labels.npy", content)
    with pytest.raises(DataError, match="is damaged: its array 'images' cannot be read"):
        load_npz(tmp_path / "x.npz")


def test_the_size_of_an_array_at_and_over_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, images=np.zeros((100, 28, 28), np.uint8), labels=np.zeros(100, int))
    size = 128 + 78_400  # numpy's header has 128 bytes
    assert len(load_npz(path, limit=size)) == 100
    with pytest.raises(DataError, match=r"more than the 78,527 bytes that are allowed in images\.npy"):
        load_npz(path, limit=size - 1)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"<html>", b"PK\x03\x04 cut"])
def test_a_file_that_is_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match="is not a sound zip file"):
        load_npz(tmp_path / "x.npz")


def test_an_npy_in_the_place_of_an_npz_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    np.save(packed, SQUARES)
    (tmp_path / "x.npz").write_bytes(packed.getvalue())
    with pytest.raises(DataError, match="is not a sound zip file"):
        load_npz(tmp_path / "x.npz")
