"""The one data type of the wire: an XML element as XMPP uses them."""

from __future__ import annotations

from collections.abc import Iterator


class Element:
    """An XML element with its namespace resolved.

    Attributes are keyed by their plain name; one in a namespace by ``{namespace}name``, and those of
    the xml prefix by ``xml:lang`` and so on. XMPP has no mixed content: `text` is all character data
    directly inside the element, and is written before the children.
    """

    __slots__ = ("name", "namespace", "attributes", "children", "text")

    name: str
    namespace: str
    attributes: dict[str, str]
    children: list[Element]
    text: str

    def __init__(
        self, name: str, namespace: str = "", /, *content: Element | str | None, **attributes: str | None
    ) -> None:
        """Build tersely: ``Element("message", CLIENT, Element("body", CLIENT, "hi"), to=to, from_=me)``.

        Content is children and text in any order. What is None is left out, attributes too. One
        underscore at the end of an attribute name is dropped, so that ``from_`` can be written.
        """
        self.name = name
        self.namespace = namespace
        self.attributes = {
            key[:-1] if key[-1] == "_" else key: value
            for key, value in attributes.items()
            if value is not None
        }
        self.children = []
        self.text = ""
        for part in content:
            if isinstance(part, Element):
                self.children.append(part)
            elif part is not None:
                self.text += part

    def get(self, attribute: str, default: str = "") -> str:
        """The value of an attribute, or `default`."""
        return self.attributes.get(attribute, default)

    def child(self, name: str, namespace: str | None = None) -> Element | None:
        """The first child of that name; without `namespace`, of this element's own."""
        wanted = self.namespace if namespace is None else namespace
        for child in self.children:
            if child.name == name and child.namespace == wanted:
                return child
        return None

    def children_named(self, name: str, namespace: str | None = None) -> Iterator[Element]:
        """All children of that name; without `namespace`, of this element's own."""
        wanted = self.namespace if namespace is None else namespace
        return (c for c in self.children if c.name == name and c.namespace == wanted)

    def child_text(self, name: str, namespace: str | None = None, default: str = "") -> str:
        """The text of the first such child, or `default`."""
        child = self.child(name, namespace)
        return default if child is None else child.text

    def find(self, *path: tuple[str, str]) -> Element | None:
        """The first descendant along a path of (name, namespace) pairs, or None."""
        here: Element | None = self
        for name, namespace in path:
            if here is None:
                return None
            here = here.child(name, namespace)
        return here

    def is_(self, name: str, namespace: str) -> bool:
        """Whether this is an element of that name and namespace."""
        return self.name == name and self.namespace == namespace

    def copy(self) -> Element:
        """A copy that shares nothing with this one."""
        twin = Element.__new__(Element)
        twin.name = self.name
        twin.namespace = self.namespace
        twin.attributes = dict(self.attributes)
        twin.children = [child.copy() for child in self.children]
        twin.text = self.text
        return twin

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Element):
            return NotImplemented
        return (
            self.name == other.name
            and self.namespace == other.namespace
            and self.text == other.text
            and self.attributes == other.attributes
            and self.children == other.children
        )

    __hash__ = None  # type: ignore[assignment]  # it can be changed, so it cannot be a key

    def __repr__(self) -> str:
        # never the text: it may be a password or somebody's words
        attributes = "".join(f" {key}={value!r}" for key, value in self.attributes.items() if key != "id")
        return f"<{self.name} xmlns={self.namespace!r}{attributes} with {len(self.children)} children>"
