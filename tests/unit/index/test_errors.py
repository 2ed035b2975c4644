"""The error tree."""

import inspect
import re

import index
from index import errors


def test_index_errors_tree_is_drawn_as_it_is():
    """The tree at the module's top names every error, each under the class that it derives from."""
    parents, path = {}, {}
    for line in errors.__doc__.splitlines():
        match = re.match(r"    (?P<indent>[│├└─ ]*)(?P<name>\w+Error)\b", line)
        if match:
            depth = len(match["indent"]) // 4
            path[depth] = match["name"]
            parents[match["name"]] = path.get(depth - 1) if depth else None
    classes = {name: kind for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)}
    assert set(parents) == set(classes)
    for name, parent in parents.items():
        assert classes[name].__bases__[0].__name__ == (parent or "Exception")


def test_index_errors_are_exported():
    """Whoever catches an error of this package need not know its modules."""
    assert {name for name, _ in inspect.getmembers(errors, inspect.isclass) if name != "Sequence"} <= set(index.__all__)
