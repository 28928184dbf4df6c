"""A page with what was made of it, and one value that was said on it."""

from dataclasses import dataclass, field

from app.web.choice import Kind
from app.web.page import Page
from app.web.structured import Structured


@dataclass(frozen=True, slots=True)
class Said:
    """One value, how sure it is, and the page and words it was read from."""

    value: str | int
    confidence: float
    page: Page
    quote: str
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """One page of the site with what was made of it."""

    kind: Kind
    page: Page
    structured: Structured = field(default_factory=Structured)

    @property
    def is_home(self) -> bool:
        """Tell whether it is the home page, whose word counts double."""
        return self.kind is Kind.home
