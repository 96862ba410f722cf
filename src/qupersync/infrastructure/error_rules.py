"""How an error of a server is recognised: lines of SQLSTATEs and texts, the first that fits."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from qupersync.domain.errors import QuperSyncError


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of a server's table: what the error is, and how it is known.

    ``states`` are SQLSTATEs or their first characters, ``texts`` are patterns for the server's
    message in lower case. None of them means any. ``hint`` goes before that of the error.
    """

    error: type[QuperSyncError]
    states: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    hint: str = ""

    def fits(self, state: str, text: str) -> bool:
        """Tell whether this is it."""
        return state.startswith(self.states or "") and (
            not self.texts or any(re.search(pattern, text) for pattern in self.texts)
        )


def first(rules: Iterable[Rule], state: str, text: str, *, otherwise: Rule) -> Rule:
    """Return the first rule that fits; ``otherwise`` is for what nobody foresaw."""
    return next((rule for rule in rules if rule.fits(state, text.lower())), otherwise)
