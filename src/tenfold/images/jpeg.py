"""The marks of a JPEG file, walked through before a decoder does it: each scan takes the time of all blocks.

A scan of a progressive file may have 12 bytes: 1 MiB of them took 33 s, for 512 x 512 pixels. The walk takes
0.4 ms for each megabyte of a photograph.
"""

import re

from tenfold.errors import ImageError

_SCANS = 100  # encoders write a dozen
_SEGMENTS = 2_000  # 64 MiB in segments of the largest size are 1,024
_STRAY = 1_024  # bytes between the segments before the first scan; Pillow passes them over one by one
_MARK = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # in a scan: no pixel value, no filling, no restart
_SCAN, _END = 0xDA, 0xD9
_BARE = {*range(0x01, 0xC0), 0xC8, 0xD8, _END, *range(0xF0, 0xFE)}  # all others tell their length


def check_scans(data: bytes) -> None:
    """Raises ImageError for more scans, segments or stray bytes than any encoder writes, of which a decoder
    would take seconds. What stands behind the end, such as the film of a telephone, does not count."""
    at, scans, stray = 2, 0, 0
    for _ in range(_SEGMENTS):
        found = _MARK.search(data, at)
        if found is None:
            return
        stray += 0 if scans else found.start() - at
        at, mark = found.end(), data[found.end() - 1]
        if stray > _STRAY:
            raise ImageError("The JPEG picture is damaged: there are stray bytes in its header.")
        if mark == _END and scans:
            return
        if mark == _SCAN:
            scans += 1
            if scans > _SCANS:
                raise ImageError(f"The JPEG picture has more than {_SCANS} scans; save it again.")
        if mark not in _BARE:
            at += max(2, int.from_bytes(data[at : at + 2]))
    raise ImageError(f"The JPEG picture has more than {_SEGMENTS:,} segments; save it again.")
