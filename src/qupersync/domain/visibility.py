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

    def is_more_than(self, now: "Visibility") -> bool:
        """Tell whether rows vanished because of a right: it changed, and whole owners are gone."""
        return self.rights != now.rights and self.rows > now.rows and self.owners > now.owners
