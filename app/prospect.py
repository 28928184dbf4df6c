"""Who a caller asks about: identifiers, checked and in canonical form."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum


class By(StrEnum):
    """A kind of identifier; what a provider accepts is a set of these."""

    email = "email"
    domain = "domain"  # of the company
    linkedin = "linkedin"  # a person's profile
    linkedin_company = "linkedin_company"
    name = "name"  # a person's full name
    company = "company"  # a company's name


class AddressClass(StrEnum):
    """What kind of mailbox an e-mail address names; decides which sections make sense."""

    company = "company"
    free_mail = "free_mail"  # gmail.com and the like: the domain says nothing about the company
    role = "role"  # info@, sales@: nobody in particular


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What is known of a prospect, each value canonical or None.

    `linkedin` is `in/slug`, `linkedin_company` is `company/slug`; `domain` is registrable, ASCII,
    lower case; `email` is the address to send to a provider (its +tag kept).
    """

    email: str | None = None
    domain: str | None = None
    linkedin: str | None = None
    linkedin_company: str | None = None
    name: str | None = None
    company: str | None = None

    def given(self) -> frozenset[By]:
        """Return the kinds that are known."""
        return frozenset(by for by in By if getattr(self, by.value) is not None)

    def only(self, kinds: frozenset[By]) -> "Identifiers":
        """Keep just these kinds, so that an answer can be remembered under exactly them."""
        return Identifiers(**{by.value: getattr(self, by.value) for by in kinds})

    def plus(self, **more: str | None) -> "Identifiers":
        """Add what has become known; what was known already stays."""
        unknown = {k: v for k, v in more.items() if v and getattr(self, k) is None}
        return replace(self, **unknown) if unknown else self

    def key(self) -> str:
        """Return one canonical line for these identifiers, safe as a cache key."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return "|".join(f"{name}:{value.casefold()}" for name, value in values if value)


@dataclass(frozen=True, slots=True)
class Prospect:
    """A person or a company to look up.

    Two spellings of one mailbox give equal `key`s, so it is safe as a cache key and as the
    single-flight lock. `known` is what the caller gave, ready to be sent to a provider.
    """

    by: By
    key: str
    known: Identifiers
    address_class: AddressClass | None = None  # only when `by` is email

    def __str__(self) -> str:
        """Return the prospect as a person would write it."""
        known = self.known
        if self.by is By.name:
            return f"{known.name}, {known.company or known.domain}"
        return str(getattr(known, self.by.value))

    @property
    def is_person(self) -> bool:
        """Tell whether a person is meant, and not only a company."""
        if self.by is By.email:
            return self.address_class is not AddressClass.role
        return self.by in {By.linkedin, By.name}

    @property
    def is_sandbox(self) -> bool:
        """Tell whether the prospect is under `.example` and so belongs to the sandbox alone."""
        domain = self.known.domain or (self.known.email or "").rpartition("@")[2]
        return domain == "example" or domain.endswith(".example")

    @property
    def company_key(self) -> str:
        """Return the key under which facts about the company are kept.

        A colleague asked about later finds them there. Without a domain it is the prospect's own.
        """
        return f"domain:{self.known.domain}" if self.known.domain else self.key

    def to_json(self) -> dict[str, str]:
        """Return a flat object from which `from_json` makes the same prospect."""
        known = {by.value: getattr(self.known, by.value) for by in By}
        flat = {"key": self.key, "by": self.by.value, **{k: v for k, v in known.items() if v}}
        return flat | ({"address_class": self.address_class.value} if self.address_class else {})

    @staticmethod
    def from_json(flat: Mapping[str, str]) -> "Prospect":
        """Read what `to_json` wrote."""
        kind = flat.get("address_class")
        return Prospect(
            By(flat["by"]),
            flat["key"],
            Identifiers(**{by.value: flat.get(by.value) for by in By}),
            AddressClass(kind) if kind else None,
        )
