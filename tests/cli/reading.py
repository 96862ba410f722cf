"""A page of HTML as a test reads it: strictly, and without a browser."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br"}


@dataclass(kw_only=True)
class Seen:
    """One element: where it stands, its attributes, and all the text inside it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    inside: list["Seen"] = field(default_factory=list)

    def all(self, tag: str, class_: str = "") -> list["Seen"]:
        """The elements with this tag inside it, in the page's order."""
        found = []
        for child in self.inside:
            if child.tag == tag and class_ in child.attributes.get("class", ""):
                found.append(child)
            found += child.all(tag, class_)
        return found

    def texts(self, tag: str, class_: str = "") -> list[str]:
        return [seen.text for seen in self.all(tag, class_)]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Seen(tag="", attributes={})
        self.open = [self.page]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice"
        seen = Seen(tag=tag, attributes={name: value or "" for name, value in attrs})
        self.open[-1].inside.append(seen)
        if tag not in VOID:
            self.open.append(seen)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for seen in self.open:
            seen.text += data


def read_page(text: str) -> Seen:
    """Read a page whose elements must all be balanced."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [reader.page]
    return reader.page
