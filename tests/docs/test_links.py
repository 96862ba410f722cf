"""Links between the documents lead somewhere, and each document can be found."""

import re
from pathlib import Path

import pytest

from tests.docs import documents

LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
LINKS = sorted(
    {
        (documents.name_of(path), target)
        for path in documents.ALL
        for target in LINK.findall(documents.prose(path.read_text()))
    }
)


def anchors(path: Path) -> set[str]:
    """The anchors that a page of GitHub has for the headings of a document."""
    titles = re.findall(r"^#+ (.*)$", documents.prose(path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(("document", "target"), LINKS)
def test_a_link_leads_to_a_file_and_to_a_heading_in_it(document: str, target: str):
    name, _, anchor = target.partition("#")
    path = (documents.TOP / document).parent / name if name else documents.TOP / document

    assert path.exists()
    assert anchor in {"", *(anchors(path) if anchor else ())}


def test_the_index_leads_to_each_document():
    linked = {target for document, target in LINKS if document == "docs/README.md"}
    names = {path.name for path in (documents.TOP / "docs").iterdir()} - {"README.md"}

    assert names - linked == set()


def test_the_readme_leads_to_the_index_and_the_runbook():
    linked = {target for document, target in LINKS if document == "README.md"}

    assert {
        "docs/README.md",
        "docs/operations.md",
        "docs/guarantee.md",
        "docs/grants.sql",
    } <= linked
