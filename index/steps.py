"""Named points of work that writes, said to the logger ``patmatch.steps``: where a test can stop a process.

The message is exactly the step's name. Nothing is said unless that logger listens at the level of debugging.
"""

from __future__ import annotations

import logging

_STEPS = logging.getLogger("patmatch.steps")


def step(name: str) -> None:
    """Say that ``name`` has just been done."""
    _STEPS.debug(name)
