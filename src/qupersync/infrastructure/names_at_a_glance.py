"""The names of the jobs in a text that may be half written, without reading it as YAML."""

import re

_JOBS = re.compile(r"^jobs:[ \t]*(?:#.*)?$((?:\n(?![^\s#]).*)*)", re.MULTILINE)
_NAME = re.compile(r"^( +)([a-z][a-z0-9_]{0,62}):(?!\S)", re.MULTILINE)


def names_at_a_glance(text: str) -> list[str]:
    """Return the keys one level below ``jobs``; whatever is nested stands further to the right."""
    block = _JOBS.search(text.replace("\r\n", "\n"))
    found = _NAME.findall(block[1]) if block else []
    return [name for indent, name in found if indent == found[0][0]]
