"""Values that every source knows, to find out whether a driver gives their bytes as expected."""

import struct
from collections.abc import Sequence
from decimal import Decimal

from qupersync.domain.errors import DriverUnknownError
from qupersync.infrastructure.redshift.layout import OID_NUMERIC, Layout

KNOWN_VERSION = "2.2."
UNKNOWN = "this redshift_connector is not one that is known: "

# A value of every encoding, and of types that must come as text.
PROBE = """
SELECT CAST(1 AS boolean), CAST(-2 AS bigint), CAST(-2 AS smallint), CAST(-2 AS integer),
       CAST(26 AS oid), CAST(0.5 AS real), CAST(-0.5 AS double precision),
       CAST(-1.50 AS numeric(38,2)), CAST('\u00e4 ' AS varchar(8)), CAST(NULL AS integer),
       CAST('2026-01-02' AS date), CAST('2026-01-02 03:04:05' AS timestamp),
       CAST('2026-01-02 03:04:05+00' AS timestamptz), CAST(0 AS boolean)
"""
_PROBED = (
    b"\1", b"\xff" * 7 + b"\xfe", b"\xff\xfe", b"\xff" * 3 + b"\xfe", b"\0\0\0\x1a", b"\x3f\0\0\0",
    b"\xbf\xe0" + b"\0" * 6, b"-1.50", b"\xc3\xa4 ", None, b"2026-01-02",
    *2 * [struct.pack("!q", 820_638_245_000_000)], b"\0",
)  # fmt: skip
_PROBED_OIDS = (16, 20, 21, 23, 26, 700, 701, OID_NUMERIC, 1043, 23, 1082, 1114, 1184, 16)
_PROBED_VALUES = (
    True, -2, -2, -2, 26, 0.5, -0.5, Decimal("-1.5"), "\u00e4 ", None, "2026-01-02",
    "2026-01-02 03:04:05", "2026-01-02 03:04:05+00", False,
)  # fmt: skip


def require_right(layout: Layout, bodies: Sequence[bytes]) -> None:
    """Make sure that the answer to ``PROBE`` means what was asked for, in whatever bytes.

    Raises:
        DriverUnknownError: it does not, so no row can be trusted; or it never came here.
    """
    try:
        rows = [layout.decode(body) for body in bodies]
    except (ValueError, ArithmeticError, struct.error):
        rows = []
    if rows != [_PROBED_VALUES]:
        raise DriverUnknownError(f"{UNKNOWN}values come as other bytes")


def is_as_known(layout: Layout, bodies: Sequence[bytes], version: str) -> bool:
    """Tell whether ``wire`` knows the driver's version, and it answered ``PROBE`` as expected."""
    body = struct.pack("!h", len(_PROBED)) + b"".join(
        struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
        for value in _PROBED
    )
    is_expected = (layout.oids, list(bodies)) == (_PROBED_OIDS, [body])
    return is_expected and version.startswith(KNOWN_VERSION)
