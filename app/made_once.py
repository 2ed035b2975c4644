"""An attribute that is made when it is first read."""

from __future__ import annotations

from functools import cached_property
from threading import RLock
from typing import Any, Self, TypeVar, overload

T = TypeVar("T")


class made_once(cached_property[T]):  # noqa: N801 - a decorator, written as the one that it extends
    """A `cached_property` that several threads may read first: from Python 3.12 on that one has no lock."""

    _making = RLock()

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: object, owner: type[Any] | None = None) -> Self | T:
        with self._making:
            return super().__get__(instance, owner)
