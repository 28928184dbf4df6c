"""The fictional people and companies that every stand-in for a vendor knows."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Company:
    """A company as a person would write it; the vendors' own spelling is the stand-in's work."""

    domain: str
    name: str
    industry: str = "Building Materials"
    employees: int = 143
    size: str = "51-200"
    founded: int = 2011
    revenue: str = "$10M-$25M"
    city: str = "Austin"
    state: str = "Texas"
    country: str = "United States"
    stage: str = "series_b"
    raised: int = 12_500_000
    last_round: str = "2025-03-14"
    technologies: tuple[str, ...] = ("hubspot", "google analytics")
    slug: str = ""
    description: str = ""

    @property
    def page(self) -> str:
        return self.slug or f"{self.domain.partition('.')[0]}-example"


@dataclass(frozen=True)
class Person:
    """Somebody who works at the company of `domain`; `level` is in People Data Labs' words."""

    email: str
    full_name: str
    domain: str
    title: str = "VP of Sales"
    level: str = "vp"
    role: str = "sales"
    phone: str = "+12025550142"
    slug: str = ""
    likelihood: int = 8
    score: int = 94
    mailbox: str = "valid"

    @property
    def profile(self) -> str:
        return self.slug or self.email.replace("@", "-at-").replace(".", "-")

    @property
    def first_name(self) -> str:
        return self.full_name.partition(" ")[0]

    @property
    def last_name(self) -> str:
        return self.full_name.rpartition(" ")[2]

    @property
    def decides(self) -> bool:
        return self.level in {"cxo", "owner", "vp", "director", "partner"}


@dataclass
class Market:
    """Who there is to be found. Tests add to it; several vendors may share one."""

    people: list[Person] = field(default_factory=list)
    companies: list[Company] = field(default_factory=list)

    def company(self, domain: str) -> Company | None:
        return next((one for one in self.companies if one.domain == domain), None)

    def employer(self, person: Person) -> Company:
        return self.company(person.domain) or Company(person.domain, person.domain)

    def by_email(self, email: str) -> Person | None:
        return next((one for one in self.people if one.email == email.lower()), None)

    def by_profile(self, slug: str) -> Person | None:
        return next((one for one in self.people if one.profile == slug), None)

    def by_name(self, name: str, company: str) -> Person | None:
        """Find somebody by name at a company given by its name or its domain."""
        for person in self.people:
            known = {person.domain, self.employer(person).name.lower()}
            if person.full_name.lower() == name.lower() and company.lower() in known:
                return person
        return None

    def by_page(self, slug: str) -> Company | None:
        return next((one for one in self.companies if one.page == slug), None)

    def by_company_name(self, name: str) -> Company | None:
        return next((one for one in self.companies if one.name.lower() == name.lower()), None)

    def at(self, domain: str) -> list[Person]:
        return [person for person in self.people if person.domain == domain]


def sample() -> Market:
    """Return two companies with four people; everything in it is made up."""
    return Market(
        people=[
            Person("mira.quint@example.com", "Mira O'Quint", "example.com"),
            Person(
                "tomas.ferro@example.com", "Tomas Ferro", "example.com",
                title="Chief Financial Officer", level="cxo", role="finance", score=81,
                phone="+12025550143",
            ),
            Person(
                "ines.blau@example.com", "Ines Blau", "example.com",
                title="Buyer", level="entry", role="operations", phone="+12025550144",
            ),
            Person(
                "otto.lind@example.org", "Otto Lind", "example.org",
                title="Founder & CEO", level="owner", role="", mailbox="accept_all", score=70,
                phone="+12025550145",
            ),
        ],
        companies=[
            Company("example.com", "Quint Tools", slug="quint-tools",
                    description="Quint Tools makes spirit levels."),
            Company("example.org", "Lind Works", industry="Software", employees=12, size="11-50",
                    founded=2021, revenue="$1M-$10M", city="Graz", state="Styria",
                    country="Austria", stage="seed", raised=800_000, last_round="2024-02-01",
                    technologies=("salesforce",), slug="lind-works"),
        ],
    )  # fmt: skip
