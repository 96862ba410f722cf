"""Texts that break programs, from two public collections."""

import json
from pathlib import Path

RESOURCES = Path(__file__).parents[1] / "resources"
NAUGHTY: list[str] = list(dict.fromkeys(json.loads((RESOURCES / "blns.json").read_text("utf-8"))))
JSON_TEXTS: dict[str, str] = {
    name: text
    for name, text in json.loads((RESOURCES / "json_test_suite.json").read_text("utf-8")).items()
    if "\0" not in text  # neither server's text can hold one
}
LONGEST_NAME = 63
NAMES = [text for text in NAUGHTY if 0 < len(text.encode()) <= LONGEST_NAME]
