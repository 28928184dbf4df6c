"""What a job covers: sections and fields, as one word; and under which keys facts are kept."""

from collections.abc import Iterable, Mapping

from app.facts import CORE, FIELDS, Section
from app.prospect import Identifiers, Prospect

Wanted = Mapping[Section, frozenset[str]]
"""The fields a caller wants, by section."""


def wanted_fields(sections: Iterable[Section], narrowed: frozenset[str] | None) -> Wanted:
    """Return what is wanted of these sections: `narrowed` to some fields, or the core ones."""
    chosen = set(sections)
    ordered = [section for section in Section if section in chosen]
    if narrowed is None:
        return {section: CORE[section] for section in ordered}
    by_section = {
        section: frozenset(name for name in narrowed if FIELDS[name].section is section)
        for section in ordered
    }
    return {section: names for section, names in by_section.items() if names}


def scope(wanted: Wanted) -> str:
    """Return one word for what is wanted: two requests with the same word share a job.

    >>> scope(wanted_fields([Section.person], None))
    'person'
    >>> scope(wanted_fields([Section.person], frozenset({"person.title"})))
    'person(title)'
    """
    return ",".join(_part(section, names) for section, names in wanted.items())


def _part(section: Section, names: frozenset[str]) -> str:
    if names == CORE[section]:
        return section.value
    return f"{section.value}({'+'.join(sorted(name.rpartition('.')[2] for name in names))})"


def subjects(prospect: Prospect, query: Identifiers | None = None) -> dict[str, str]:
    """Return the key under which facts of each section are kept.

    A person's facts belong to the prospect, a company's to its domain: a colleague who is asked
    about later finds them there. `query` is what the provider was asked with.
    """
    domain = (query.domain if query else None) or prospect.known.domain
    company = f"domain:{domain}" if domain else prospect.company_key
    keys = {section.value: company for section in Section}
    return keys | {Section.person.value: prospect.key}
