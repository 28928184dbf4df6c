"""Who a caller asks about: identifiers, checked and in canonical form.

`identify` reads what a person typed, `from_parts` what a program sent in named fields.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from app.addresses import AddressClass as AddressClass
from app.addresses import (
    address_class,
    is_disposable,
    is_free_mail,
    is_sandbox_host,
    mailbox_key,
    registrable,
    sandbox_branch,
)
from app.errors import DisposableAddress
from app.facts import Section
from app.reading import (
    is_credential,
    is_linkedin,
    name_in_header,
    read_company,
    read_domain,
    read_email,
    read_linkedin,
    read_name,
    refusal,
    shown,
    tidy,
)


class By(StrEnum):
    """A kind of identifier; what a provider accepts is a set of these."""

    email = "email"
    domain = "domain"  # of the company
    linkedin = "linkedin"  # a person's profile
    linkedin_company = "linkedin_company"
    name = "name"  # a person's full name
    company = "company"  # a company's name


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What is known of a prospect, each value canonical or None.

    `linkedin` is `in/slug`, `linkedin_company` is `company/slug`; `domain` is registrable, ASCII,
    lower case; `email` is the address to send to a provider (its +tag kept).
    """

    email: str | None = field(default=None, repr=False)
    domain: str | None = None
    linkedin: str | None = field(default=None, repr=False)
    linkedin_company: str | None = None
    name: str | None = field(default=None, repr=False)
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
    key: str = field(repr=False)
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


def sections_for(prospect: Prospect) -> frozenset[Section]:
    """Return the sections that make sense to ask for.

    A free-mail address says nothing about a company, unless the caller named one beside it; a role
    address, a domain and a company's LinkedIn page name no person.
    """
    known = prospect.known
    if not prospect.is_person:
        return frozenset(Section) - {Section.person}
    if prospect.address_class is AddressClass.free_mail and not (known.domain or known.company):
        return frozenset({Section.person})
    return frozenset(Section)


_ANGLES = re.compile(
    r"(?P<name>[^<>]*)<\s*(?:mailto:)?(?P<mail>[^<>\s]+@[^<>\s]+)\s*>", re.IGNORECASE
)
_AFTER_NAME = re.compile(r"\s*,\s*|\s+at\s+|\s+@\s*", re.IGNORECASE)
_BEFORE_COMPANY = re.compile(r"(?:.*\s)?(?:at\s|@)", re.IGNORECASE)


def identify(text: str) -> Prospect:
    """Read what a person typed: an e-mail address, a domain or URL, a LinkedIn URL, or a pair.

    >>> identify("Sarah Chen <Sarah.Chen+crm@Acme.example>").key
    'email:sarah.chen@acme.example'
    >>> identify("https://www.acme.co.uk/team?x=1").key
    'domain:acme.co.uk'
    >>> identify("https://uk.linkedin.com/in/sarah-chen/?trk=x").key
    'linkedin:in/sarah-chen'
    >>> identify("Sarah Chen at Acme Corp").key, identify("Sarah Chen, acme.com").key
    ('name:sarah chen|acme corp', 'name:sarah chen@acme.com')

    Raises InvalidProspect (a disposable mailbox: DisposableAddress) whose one sentence says what
    was wrong and what is accepted.
    """
    typed = tidy(text)
    if angles := _ANGLES.fullmatch(typed):
        return from_parts(email=angles["mail"], name=angles["name"])
    if "<" in typed or ">" in typed:
        raise refusal(typed, "contains HTML or angle brackets")
    typed = typed.strip("\"'`.,;: ")
    if " " not in typed and "," not in typed:
        return _read_token(typed)
    return _read_pair(typed)


def from_parts(
    *,
    email: str | None = None,
    domain: str | None = None,
    linkedin_url: str | None = None,
    name: str | None = None,
    company: str | None = None,
) -> Prospect:
    """Build a prospect from named fields, of which several may be given.

    The first complete one of email, LinkedIn profile, name with domain or company, domain and
    LinkedIn company decides who is meant and gives the key; the others only add to what is known.
    The domain of a company's mailbox goes before a `domain` beside it.

    Raises InvalidProspect when a field is unreadable or none of them is complete.
    """
    known = Identifiers(
        email=read_email(email) if email else None,
        domain=read_domain(domain) if domain else None,
        company=read_company(company) if company else None,
    )
    if linkedin_url:
        page = read_linkedin(linkedin_url)
        kind = By.linkedin if page.startswith("in/") else By.linkedin_company
        known = known.plus(**{kind.value: page})
    if name:
        known = known.plus(name=name_in_header(name) if known.email else read_name(name))
    return _led_by_the_first(known)


def _led_by_the_first(known: Identifiers) -> Prospect:
    """Choose the identifier that decides who is meant."""
    if known.email:
        return _owner_of(known.email, known)
    if known.linkedin:
        return Prospect(By.linkedin, f"linkedin:{known.linkedin}", known)
    if known.name and known.domain:
        return Prospect(By.name, f"name:{_folded(known.name)}@{known.domain}", known)
    if known.name and known.company:
        return Prospect(By.name, f"name:{_folded(known.name)}|{_folded(known.company)}", known)
    if known.domain:
        return Prospect(By.domain, f"domain:{known.domain}", known)
    if known.linkedin_company:
        return Prospect(By.linkedin_company, f"linkedin:{known.linkedin_company}", known)
    if known.name:
        raise refusal(known.name, "is a name without a company")
    raise refusal(known.company or "", "is a company's name without its domain")


def _owner_of(email: str, known: Identifiers) -> Prospect:
    """Return whoever has this mailbox, with the company its domain belongs to.

    A sandbox address that asks for an outcome gets no domain: its company's facts are then kept
    under the address itself, and the outcome does not depend on who was asked about before.
    """
    host = email.rpartition("@")[2]
    if is_disposable(host):
        raise DisposableAddress(
            f"{shown(email)} is a disposable mailbox, so there is nobody to prepare a call with: "
            "give the person's work address."
        )
    if known.domain and is_sandbox_host(known.domain) != is_sandbox_host(host):
        raise refusal(email, "is mixed with a domain of the other kind, sandbox and real")
    mail_domain = None if is_free_mail(host) or sandbox_branch(email) else registrable(host)
    known = replace(known, domain=mail_domain or known.domain)
    return Prospect(By.email, f"email:{mailbox_key(email)}", known, address_class(email))


def _read_token(typed: str) -> Prospect:
    if is_linkedin(typed):
        return from_parts(linkedin_url=typed)
    if "@" in typed.partition("/")[0]:
        return from_parts(email=typed)
    if "." in typed or "://" in typed:
        return from_parts(domain=typed)
    raise refusal(typed, "is a single word")


def _read_pair(typed: str) -> Prospect:
    """Read `Name, Company` and its relatives; the company may be given as an address."""
    if ";" in typed or sum(map(_is_address, re.split(r"[\s,]+", typed))) > 1:
        raise refusal(typed, "names more than one prospect, ask for one at a time")
    name, where = _halves(typed)
    if " " not in where and "@" in where:
        return from_parts(email=where, name=read_name(name))
    if is_linkedin(where):
        return from_parts(linkedin_url=where, name=name)
    if _is_address(where):
        return from_parts(domain=where, name=name)
    return from_parts(company=where, name=name)


def _is_address(word: str) -> bool:
    word = word.strip(".")
    return "@" in word[1:] or is_linkedin(word) or registrable(word.partition("/")[0]) is not None


def _halves(typed: str) -> tuple[str, str]:
    """Split behind the name and before the company; a title or degree between them is dropped."""
    found = _AFTER_NAME.search(typed)
    if not found:
        raise refusal(typed, "names neither a company nor an address")
    rest = typed[found.end() :]
    first, comma, others = rest.partition(",")
    if comma and is_credential(first.strip()):
        rest = others
    if told := _BEFORE_COMPANY.match(rest):
        rest = rest[told.end() :]
    return typed[: found.start()], rest.strip(" ,.")


def _folded(text: str) -> str:
    return text.casefold().replace("\u2019", "'")
