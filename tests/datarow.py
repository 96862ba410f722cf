"""Rows as the protocol writes them."""

import struct
from collections.abc import Sequence


def body(fields: Sequence[bytes | None]) -> bytes:
    """The body of a DataRow."""
    return struct.pack("!h", len(fields)) + b"".join(
        b"\xff\xff\xff\xff" if field is None else struct.pack("!i", len(field)) + field
        for field in fields
    )
