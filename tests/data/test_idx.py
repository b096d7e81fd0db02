import gzip
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tenfold.data.idx import CODES, checksum, read_idx, read_images, read_labels, write_idx
from tenfold.errors import IdxError
from tenfold.files import sha256

IMAGES = np.arange(3 * 784, dtype=np.uint32).astype(np.uint8).reshape(3, 28, 28)
LABELS = np.array([7, 2, 1], np.uint8)


def idx(code: int, *sizes: int, body: bytes = b"") -> bytes:
    """An IDX file made by hand, so that it may be unsound."""
    return struct.pack(f">HBB{len(sizes)}I", 0, code, len(sizes), *sizes) + body


# --- sound files -------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    array=st.sampled_from(list(CODES)).flatmap(
        lambda dtype: arrays.arrays(
            dtype, arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)
        )
    ),
    packed=st.booleans(),
)
def test_what_is_written_is_read_back_bit_for_bit(array: np.ndarray[Any, Any], packed: bool) -> None:
    data = write_idx(array)
    back = read_idx(gzip.compress(data, 1) if packed else data)
    assert (back.shape, back.dtype) == (array.shape, array.dtype)
    assert back.tobytes() == array.tobytes()  # bytes, so that NaN counts as equal to itself
    assert write_idx(back) == data


def test_the_bytes_are_those_of_the_format() -> None:
    assert write_idx(np.array([[1, -2]], np.int32)) == bytes.fromhex(
        "00000c02 00000001 00000002 00000001 fffffffe"
    )
    assert write_idx(LABELS) == bytes.fromhex("00000801 00000003 070201")


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_the_layout_in_memory_does_not_show_in_the_file(order: Any, layout: Any) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert write_idx(np.asarray(array, array.dtype.newbyteorder(order), order=layout)) == write_idx(array)


def test_an_array_that_was_read_cannot_be_changed() -> None:
    for data in (write_idx(LABELS), gzip.compress(write_idx(LABELS)), write_idx(LABELS.astype(np.int32))):
        with pytest.raises(ValueError, match="read-only"):
            read_idx(data)[0] = 1


def test_checksum_is_that_of_the_file() -> None:
    assert checksum(IMAGES) == sha256(write_idx(IMAGES))
    assert checksum(IMAGES.swapaxes(1, 2)) == sha256(write_idx(IMAGES.swapaxes(1, 2)))


@pytest.mark.parametrize(
    "array", [np.zeros(2, np.int64), np.zeros(2, bool), np.zeros((), np.uint8), np.zeros((1,) * 9, np.uint8)]
)
def test_what_the_format_cannot_hold_is_not_written(array: np.ndarray[Any, Any]) -> None:
    with pytest.raises(IdxError, match=r"An (IDX file|array)"):
        write_idx(array)


def test_a_gzip_header_may_hold_a_name_a_comment_and_more() -> None:
    """RFC 1952: the flags announce an extra field, a name, a comment and a checksum of the header."""
    packed = gzip.compress(SOUND, mtime=0)
    head = packed[:3] + bytes([4 | 8 | 16 | 2]) + packed[4:10] + b"\x03\0abc" + b"images\0" + b"by hand\0"
    data = head + (zlib.crc32(head) & 0xFFFF).to_bytes(2, "little") + packed[10:]
    assert gzip.decompress(data) == SOUND
    assert np.array_equal(read_images(data), IMAGES)


# --- unsound files: each has a sentence of its own ---------------------------------------------------------

SOUND = write_idx(IMAGES)
PACKED = gzip.compress(SOUND, mtime=0)
TRAILER = 8  # CRC and length at the end of a gzip member


def flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 0xFF
    return bytes(changed)


UNSOUND = {
    "empty": (b"", "is empty"),
    "empty in gzip": (gzip.compress(b""), "is empty"),
    "one zero byte": (b"\0", "ends inside its header"),
    "header cut in the magic number": (SOUND[:3], "ends inside its header"),
    "header cut in the sizes": (SOUND[:15], "ends inside its header"),
    "header only": (SOUND[:16], "is cut short: 0 of the 2,352 bytes"),
    "one byte short": (SOUND[:-1], "is cut short: 2,351 of the 2,352 bytes"),
    "one byte long": (SOUND + b"\0", "goes on after the 2,352 bytes"),
    "first magic byte": (flipped(SOUND, 0), "is not in the IDX format"),
    "second magic byte": (flipped(SOUND, 1), "is not in the IDX format"),
    "little-endian header": (SOUND[3::-1] + SOUND[4:], "is not in the IDX format"),
    "no dimensions": (idx(0x08), "has 0 dimensions"),
    "too many dimensions": (idx(0x08, *[1] * 9, body=b"\0"), "has 9 dimensions"),
    "count of -1": (idx(0x08, 2**32 - 1, 28, 28), "at most 268,435,456 bytes"),
    "count of 2**31": (idx(0x08, 2**31, 28, 28), "at most 268,435,456 bytes"),
    "no images": (idx(0x08, 0, 28, 28, body=b"\0"), "goes on after the 0 bytes"),
    "27 rows": (idx(0x08, 1, 27, 28, body=bytes(756)), r"shape \[1, 27, 28\] where \[n, 28, 28\]"),
    "10**5 rows": (idx(0x08, 1, 10**5, 28), r"shape \[1, 100000, 28\] where \[n, 28, 28\]"),
    "labels for images": (write_idx(LABELS), "holds labels, not images; are the two files swapped"),
    "wrong type": (write_idx(IMAGES.astype(np.int16)), "holds int16 items where uint8"),
    "web page": (b"<!DOCTYPE html><title>404</title>", "is a web page"),
    "web page after blanks": (b"\r\n\t <html>", "is a web page"),
    "text": (b"version https://git-lfs", "is not in the IDX format"),
    "gzip cut in its header": (PACKED[:5], "is cut short: its gzip stream does not end"),
    "gzip cut in its trailer": (PACKED[:-1], "is cut short: its gzip stream does not end"),
    "gzip with another CRC": (flipped(PACKED, -TRAILER), "is damaged: it does not unpack"),
    "gzip with another length": (flipped(PACKED, -1), "is damaged: it does not unpack"),
    "gzip with unknown flags": (flipped(PACKED, 3), "is damaged: it does not unpack"),
    "gzip with damaged contents": (
        PACKED[:10] + b"\xff" * 40 + PACKED[50:],
        "is damaged: it does not unpack",
    ),
    "garbage after gzip": (PACKED + b"garbage", "has 7 bytes after its gzip member"),
    "zeros after gzip": (PACKED + bytes(512), "has 512 bytes after its gzip member"),
    "two gzip members": (gzip.compress(SOUND[:100]) + gzip.compress(SOUND[100:]), "has a second gzip member"),
    "a whole file twice": (PACKED + PACKED, "has a second gzip member"),
    "gzip one byte long": (gzip.compress(SOUND + b"\0"), "goes on after the 2,352 bytes"),
    "gzip one byte short": (gzip.compress(SOUND[:-1]), "is cut short: 2,351 of the 2,352 bytes"),
    "gzip in gzip": (gzip.compress(PACKED), "is not in the IDX format"),
}


@pytest.mark.parametrize(("data", "sentence"), UNSOUND.values(), ids=UNSOUND)
def test_an_unsound_file_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(IdxError, match=sentence) as caught:
        read_images(data, name="The file x.gz")
    assert str(caught.value).startswith("The file x.gz ")
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("code", [code for code in range(256) if code not in (8, 9, 11, 12, 13, 14)])
def test_every_unknown_type_code_is_refused(code: int) -> None:
    with pytest.raises(IdxError, match=f"unknown type code 0x{code:02X}"):
        read_idx(idx(code, 1, body=b"\0"))


def test_a_file_cut_anywhere_is_refused() -> None:
    for data in (SOUND, PACKED):
        for end in range(len(data)):
            with pytest.raises(IdxError):
                read_idx(data[:end])


def test_a_gzip_file_with_any_bit_of_its_contents_flipped_is_refused() -> None:
    for place in range(10, len(PACKED)):  # the ten bytes before are the gzip header, with a date and a system
        with pytest.raises(IdxError):
            read_images(flipped(PACKED, place), 3)


@pytest.mark.parametrize(("value", "place"), [(10, 1), (255, 2)])
def test_a_label_over_9_is_refused_with_its_place(value: int, place: int) -> None:
    labels = LABELS.copy()
    labels[place] = value
    with pytest.raises(IdxError, match=f"has the label {value} at place {place}; labels are 0 to 9"):
        read_labels(write_idx(labels))
    assert read_labels(write_idx(labels), classes=256)[place] == value


def test_images_for_labels_and_another_count_are_refused() -> None:
    with pytest.raises(IdxError, match=r"shape \[3, 28, 28\] where \[4, 28, 28\]"):
        read_images(SOUND, 4)
    with pytest.raises(IdxError, match="holds images, not labels; are the two files swapped"):
        read_labels(SOUND)
    with pytest.raises(IdxError, match=r"shape \[3\] where \[10000\]"):
        read_labels(write_idx(LABELS), 10_000)
    with pytest.raises(IdxError, match=r"shape \[3, 28, 28\] where \[n, 8\]"):
        read_idx(SOUND, shape=(None, 8))


# --- the limit and memory ----------------------------------------------------------------------------------


def test_the_limit_at_over_and_custom() -> None:
    assert read_idx(SOUND, limit=IMAGES.nbytes).nbytes == IMAGES.nbytes
    for data in (SOUND, PACKED):
        with pytest.raises(IdxError, match="at most 2,351 bytes are allowed"):
            read_idx(data, limit=IMAGES.nbytes - 1)


@pytest.mark.parametrize(
    "data",
    [idx(0x08, 2**28 + 1), idx(0x08, 2**32 - 1, 0), idx(0x0E, *[2**16] * 4)],
    ids=["one over", "huge beside zero", "product that wraps in 64 bits"],
)
def test_sizes_over_the_limit_are_refused(data: bytes) -> None:
    with pytest.raises(IdxError, match="at most 268,435,456 bytes are allowed"):
        read_idx(data)


def peak_of(action: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bomb(header: bytes, zeros: int) -> bytes:
    """A gzip file of `header` and many zeros, made without ever holding them."""
    pack = zlib.compressobj(9, wbits=31)
    block = bytes(2**20)
    return b"".join(
        [pack.compress(header), *(pack.compress(block) for _ in range(zeros >> 20)), pack.flush()]
    )


def test_a_bomb_is_stopped_at_the_length_that_its_header_announces() -> None:
    data = bomb(idx(0x08, 1, 28, 28), 2**26)

    def read() -> None:
        with pytest.raises(IdxError, match="goes on after the 784 bytes"):
            read_idx(data)

    assert peak_of(read) < 2**20


def test_a_bomb_that_announces_its_size_is_stopped_before_it_is_unpacked() -> None:
    data = bomb(idx(0x08, 2**26), 2**26)

    def read() -> None:
        with pytest.raises(IdxError, match="at most 33,554,432 bytes"):
            read_idx(data, limit=2**25)

    assert peak_of(read) < 2**20


def test_reading_takes_at_most_twice_the_room_of_the_array() -> None:
    size = 2**23
    data = gzip.compress(write_idx(np.random.default_rng(0).integers(0, 4, size, np.uint8)), 1)
    assert peak_of(lambda: read_idx(data)) < 2.1 * size + len(data)
