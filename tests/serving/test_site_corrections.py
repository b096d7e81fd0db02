"""Corrections are a labelled set at every moment, whoever else writes to it."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from tenfold.data.folder import load_folder
from tenfold.data.mnist import load_test
from tenfold.errors import DataError, DiskError
from tenfold.images import read_picture
from tenfold.serving.site_corrections import Corrections

DIGITS = load_test()


def rows(folder: Path) -> list[str]:
    return (folder / "labels.csv").read_text().splitlines()


def test_what_is_saved_is_a_labelled_set(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path / "new" / "corrections")
    assert corrections.count() == 0
    assert [corrections.save(DIGITS.images[k], int(DIGITS.labels[k])) for k in range(5)] == [1, 2, 3, 4, 5]
    found = load_folder(tmp_path / "new" / "corrections")
    assert sorted(found.labels.tolist()) == sorted(DIGITS.labels[:5].tolist())
    order = [np.flatnonzero((DIGITS.images[:5] == image).all((1, 2)))[0] for image in found.images]
    assert DIGITS.labels[order].tolist() == found.labels.tolist()


def test_colours_are_kept(tmp_path: Path) -> None:
    picture = np.full((30, 20, 3), (200, 150, 90), np.uint8)
    Corrections(tmp_path).save(picture, 4)
    (file,) = tmp_path.glob("*.png")
    assert (read_picture(file) == picture).all()


def test_the_same_picture_again_replaces_its_label(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path)
    corrections.save(DIGITS.images[0], 7)
    assert corrections.save(DIGITS.images[0], 7) == 1
    assert corrections.save(DIGITS.images[0], 1) == 1
    header, row = rows(tmp_path)
    assert header == "file,label"
    assert row.startswith("1-")
    assert row.endswith(".png,1")
    assert len(list(tmp_path.glob("*.png"))) == 1


def test_the_users_own_lines_and_changes_are_kept(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path)
    corrections.save(DIGITS.images[0], 7)
    corrections.save(DIGITS.images[1], 2)
    _, seven, two = sorted(rows(tmp_path), reverse=True)
    (tmp_path / seven.split(",")[0]).rename(tmp_path / "mine.png")  # the user's file under the user's name
    (tmp_path / "labels.csv").write_text(f"file,label\nmine.png,7\n{two.split(',')[0]},3\n")
    corrections.save(DIGITS.images[2], 1)
    assert rows(tmp_path)[:3] == ["file,label", "mine.png,7", f"{two.split(',')[0]},3"]
    assert len(rows(tmp_path)) == 4


def test_a_picture_without_its_line_gets_it_and_a_line_without_its_picture_goes(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path)
    corrections.save(DIGITS.images[0], 7)
    (tmp_path / "labels.csv").unlink()  # as an interruption between the two writes leaves it
    corrections.save(DIGITS.images[1], 2)
    assert len(rows(tmp_path)) == 3
    next(tmp_path.glob("7-*.png")).unlink()
    corrections.save(DIGITS.images[2], 1)
    assert sorted(row[-1] for row in rows(tmp_path)[1:]) == ["1", "2"]


def test_several_services_share_a_folder(tmp_path: Path) -> None:
    def work(offset: int) -> None:
        corrections = Corrections(tmp_path)
        for k in range(offset, 24, 3):
            corrections.save(DIGITS.images[k], int(DIGITS.labels[k]))

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(load_folder(tmp_path).labels) == 24


@pytest.mark.parametrize(
    "text", ["picture,digit\n", "file,label\na.png\n", "file,label,writer\n", 'file,label\n"a', ""]
)
def test_a_list_that_is_not_ours_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match="columns file,label"):
        Corrections(tmp_path).save(DIGITS.images[0], 7)
    assert (tmp_path / "labels.csv").read_text() == text
    assert list(tmp_path.glob("*.png")) == []


def test_a_full_folder_takes_no_more(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path, count_limit=2)
    corrections.save(DIGITS.images[0], 7)
    corrections.save(DIGITS.images[1], 2)
    with pytest.raises(DataError, match="holds 2 digits"):
        corrections.save(DIGITS.images[2], 1)


def test_a_folder_that_cannot_be_made_is_a_disk_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError):
        Corrections(tmp_path / "file" / "corrections").save(DIGITS.images[0], 7)
    assert os.listdir(tmp_path) == ["file"]
