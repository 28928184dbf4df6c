"""Whether a record speaks of the company that was asked about.

People move: a record found by an old work address often names the new employer. Its title and
company must not be told as facts about the company on the card.
"""

import re
from collections.abc import Iterable

from cleanco import basename

from app import lenient
from app.addresses import is_free_mail
from app.prospect import Identifiers


def is_elsewhere(
    query: Identifiers,
    *,
    website: str | None,
    company: str | None,
    addresses: Iterable[str | None] = (),
) -> bool:
    """Tell whether the employer in a record is known to be another than the one asked about.

    `website` and `company` are the employer's in the record; `addresses` are work addresses there
    that are current. What cannot be compared is taken as the same. One company may own several
    domains: the same label (`acme.com`, `acme.co.uk`) or a current work address there settles it.
    """
    asked = query.domain or _mail_domain(query.email)
    if asked and website:
        known = [website, *(lenient.domain(address) for address in addresses)]
        return not any(same_company(asked, there) for there in known if there)
    if query.company and company:
        return not _names_agree(query.company, company)
    return False


def same_company(one: str, other: str) -> bool:
    """Tell whether two domains carry the same label before the public suffix."""
    ours, theirs = lenient.domain(one), lenient.domain(other)
    return bool(ours and theirs) and lenient.brand(ours or "") == lenient.brand(theirs or "")


def _mail_domain(address: str | None) -> str | None:
    """Return the company's domain of a work address; a free mailbox says nothing."""
    host = (address or "").rpartition("@")[2].lower()
    return None if not host or is_free_mail(host) else lenient.domain(host)


def _names_agree(one: str, other: str) -> bool:
    """Tell whether one name begins with all words of the other, legal forms aside."""
    ours, theirs = _words(one), _words(other)
    shorter = min(len(ours), len(theirs))
    return ours[:shorter] == theirs[:shorter] or "".join(ours) == "".join(theirs)


def _words(name: str) -> list[str]:
    return re.findall(r"\w+", basename(name.casefold()) or name.casefold())
