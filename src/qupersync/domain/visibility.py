"""How much a login sees of the source: rows that it may not see are not rows that are gone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """What a snapshot saw: with which rights, how many rows, of how many owners.

    ``rights`` is the source's word on the login, for people and to be compared. An owner is the
    key without its last column, such as the schema of a table; of a key of one column each row is.
    """

    rights: str
    rows: int
    owners: int
