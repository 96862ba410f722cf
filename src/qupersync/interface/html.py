"""HTML elements that are balanced and escaped by construction."""

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, tostring

from qupersync.interface.text import visible

Content = Element | str


def element(tag: str, *content: Content, **attributes: str | int) -> Element:
    """Return an element; a text may hold anything, and what could move a cursor is made visible.

    ``class_`` stands for class and ``data_label`` for data-label.
    """
    named = {name.rstrip("_").replace("_", "-"): visible(str(v)) for name, v in attributes.items()}
    made = Element(tag, named)
    for part in content:
        if isinstance(part, Element):
            made.append(part)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + visible(part)
        else:
            made.text = (made.text or "") + visible(part)
    return made


def style(css: str) -> Element:
    """Return a style sheet, which is trusted and not escaped."""
    made = Element("style")
    made.text = css
    return made


def table(label: str, titles: Sequence[str], rows: Iterable[Sequence[Content]]) -> Element:
    """Return a table whose first column names its rows.

    The roles say what a reader of the page aloud no longer knows when a narrow screen shows each
    row as a card, with the title of the column beside each cell.
    """
    head = (element("th", title, scope="col", role="columnheader") for title in titles)
    return element(
        "table",
        element("thead", element("tr", *head, role="row"), role="rowgroup"),
        element("tbody", *(_row(titles, row) for row in rows), role="rowgroup"),
        role="table",
        aria_label=label,
    )


def _row(titles: Sequence[str], cells: Sequence[Content]) -> Element:
    first, *others = zip(titles, cells, strict=True)
    return element(
        "tr",
        element("th", first[1], scope="row", role="rowheader"),
        *(element("td", cell, role="cell", data_label=title) for title, cell in others),
        role="row",
    )


def document(root: Element) -> str:
    """Return the text of a whole page."""
    return "<!DOCTYPE html>\n" + tostring(root, encoding="unicode", method="html") + "\n"
