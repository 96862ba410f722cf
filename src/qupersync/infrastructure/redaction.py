"""Taking secrets out of text that people will read or that will be stored."""

import json
import re
from collections.abc import Collection
from urllib.parse import quote, quote_plus

MASK = "***"
# Of a text that a server sends; a line longer than 16 KiB is cut in two by Docker.
MAX_CHARS = 10_000
_SHAPES = (
    # libpq and JDBC keywords, and the repr of a mapping with such a key
    re.compile(
        r"""(?ix) (?P<keep> (?:password|passwd|pwd|secret\w*|session_token)
        (?:\s*=\s*|['"]\s*:\s*) ) (?: '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" | [^\s,;)&'"]+ )"""
    ),
    re.compile(r"(?P<keep>://[^:/@\s]*:)[^\s/]*(?=@)"),
    re.compile(r"(?P<keep>\b)(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
)


class Redactor:
    """Masks known secrets, however they were escaped, and what looks like a password."""

    def __init__(self, secrets: Collection[str]) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def __call__(self, text: str) -> str:
        """Return the text with every secret masked."""
        text = self._known.sub(MASK, text)
        for shape in _SHAPES:
            text = shape.sub(rf"\g<keep>{MASK}", text)
        return text


def short(text: str) -> str:
    """Return the text, or its first ``MAX_CHARS`` and how many more there were."""
    more = len(text) - MAX_CHARS
    return text if more <= 0 else f"{text[:MAX_CHARS]}... ({more} characters more)"


def _forms(secret: str) -> tuple[str, ...]:
    escaped = (repr(secret)[1:-1], json.dumps(secret)[1:-1])
    raw = secret.encode(errors="surrogatepass")  # what the environment held need not be UTF-8
    return (secret, *escaped, quote(raw), quote(raw, safe=""), quote_plus(raw))
