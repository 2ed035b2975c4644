"""HTML elements whose text is escaped unless it is itself an element, so that no title can break the page."""

from __future__ import annotations

from html import escape

VOID = frozenset({"br", "meta", "rect", "line", "circle"})
"""Elements of ours that have no content."""


class Markup(str):
    """Finished HTML. Only this module makes it, from escaped parts, and the page from fixed texts."""

    __slots__ = ()


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """One element. Children that are not `Markup` are escaped; ``None`` leaves a child or an attribute out.

    An attribute named like a Python word ends in an underscore (``class_``); other underscores become hyphens.
    """
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{shown}/>")
    return Markup(f"<{name}{shown}>{joined(*children)}</{name}>")


def joined(*children: object) -> Markup:
    """Children one after the other, escaped as in `element`."""
    shown = (child if isinstance(child, Markup) else escape(str(child)) for child in children if child is not None)
    return Markup("".join(shown))
