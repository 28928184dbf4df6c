"""How much of a card is shown, from generous to tight: the first size that fits is taken.

Only hostile or very long values meet the tight ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from integrations.slack.blocks import Object, fits


@dataclass(frozen=True, slots=True)
class Size:
    """Characters of a point, a value and an address after escaping, and items of a list."""

    point: int
    value: int
    url: int
    items: int


CARD = (
    Size(point=400, value=200, url=500, items=3),
    Size(point=280, value=120, url=240, items=3),
    Size(point=140, value=60, url=120, items=2),
)
FULL = (
    Size(point=600, value=300, url=500, items=15),
    Size(point=300, value=150, url=240, items=8),
    Size(point=140, value=60, url=100, items=4),
    Size(point=60, value=24, url=40, items=1),
)


def fitted(compose: Callable[[Size], list[Object]], sizes: Sequence[Size]) -> list[Object]:
    """Compose blocks as generously as one message allows."""
    blocks: list[Object] = []
    for size in sizes:
        blocks = compose(size)
        if fits(blocks):
            break
    return blocks
