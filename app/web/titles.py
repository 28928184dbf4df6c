"""What a job title says: whether it is one, how senior, and which function of a company.

Titles are read in English, German, French and the Nordic languages.
"""

import re

from app.web.text import wordset

_CXO = r"(?:c[efotmrpisdlbgx]o|c[hi][rs]o|cpto|ciso|chro)"

SENIORITIES = ("owner", "c_suite", "president", "vp", "head", "director", "manager", "staff")
"""The words `seniority` may answer, most senior first."""

RANKS = {
    "owner": 100,
    "c_suite": 90,
    "president": 85,
    "vp": 70,
    "head": 60,
    "director": 60,
    "manager": 40,
    "staff": 20,
}

_CEO = re.compile(
    r"\bchief executive\b|\bceo\b|\bpdg\b|\bvorstandsvorsitz|\bverkställande direktör\b|\bvd\b"
    r"|\btoimitusjohtaja",
    re.IGNORECASE,
)
_SENIOR_VP = re.compile(r"\b[es]vp\b|\b(?:senior|executive) vice[- ]president", re.IGNORECASE)

_SENIORITY = tuple(
    (word, re.compile(pattern, re.IGNORECASE))
    for word, pattern in (
        ("staff", r"\bassistant (?:to|of)\b|\bassistant\b(?!.*(?:vice|director|manager))"
                  r"|assistenz|\bassistentin?\b|\bassistante?\b de\b"),
        ("owner", r"\b(?:co-?)?founders?\b|\b(?:co-?)?founding\b"
                  r"|(?<!product )(?<!process )\bowner\b"
                  r"|\b(?:mit)?inhaber|\b(?:mit)?gründer|\b(?:co-?)?fondat(?:eur|rice)"
                  r"|\bpropriétaire\b|\bgérante?\b|\b(?:med)?stifter\b|\bgrundlægger"
                  r"|\bgrundare\b|\bgründer\b|\bgrunder\b|\bejer\b|\bägare\b"),
        ("head", r"\bchief of staff\b"),
        ("c_suite", rf"\bchief\b(?! (?:engineer|architect|editor|accountant))|\b{_CXO}\b"
                    r"|\bciso\b|\bvorst[aä]nd|\bgeneral counsel\b|\bpdg\b"
                    r"|\bverkställande direktör\b|\bvd\b|\btoimitusjohtaja"),
        ("vp", r"\bvice[- ]?pr[eé]sident|\b[esa]?vp\b|\bvizepräsident"),
        ("president", r"\bpr[eé]sidente?\b|\bpräsident|\bmanaging (?:director|partner)\b"
                      r"|\bgeschäftsführ|\bgeschäftsleit|\bdirect(?:eur|rice) général"
                      r"|\badm(?:inistrerende|\.) direktør|\bdaglig leder\b|\bchairm[ae]n\b"
                      r"|\bchairwoman\b|\bchairperson\b"),
        ("manager", r"\bteam-?leit|\bteam ?lead|\bgruppenleit|\bprojekt-?leit|\bchef de projet"),
        ("head", r"\bhead\b|\bleit(?:er|ung)\b|leit(?:er|erin|ung)\b|\babtl\b|\bresponsable\b"
                 r"|\bchefe?\b|\bafdelingschef|\bavdelningschef|(?:salgs|salg|markeds)chef\b"
                 r"|sjef\b"),
        ("director", r"\bdirect(?:or|eur|rice)|\bdirektør|\bdirektör|\bdirektor|\bprokurist"
                     r"|\bpartner\b|\bgm\b|\bgeneral manager\b"),
        ("manager", r"\bmanager|\blead\b|\bleader\b|\bsupervisor\b|\bleder\b|\bverantwortlich"),
    )
)  # fmt: skip

_FUNCTION = tuple(
    (word, re.compile(pattern, re.IGNORECASE))
    for word, pattern in (
        ("presales", r"\bsales engineer|\bsolutions? (?:consult|engineer)|\bpre-?sales\b"),
        ("sales", r"\bsales\b|\baccount (?:exec|manag|direct)|\bsdr\b|\bbdr\b|\bcro\b|\bvertrieb"
                  r"|\bbusiness development\b|\bchief revenue|\brevenue\b|\bcommercial\b"
                  r"|\bgrowth\b|\bventes\b|\bsalg|\bförsälj|\bkey account|\balliances?\b"),
        ("customer_success", r"\bcustomer|\bclient\b|\bsupport\b|\bkunden|\bkundeservice"),
        ("marketing", r"\bmarketing\b|\bcmo\b|\bdemand\b|\bseo\b|\bcontent\b|\bbrand\b"
                      r"|\bcommunications?\b|\bkommunikation|\bmarkeds"),
        ("product", r"\bproduct\b|\bprodukt|\bproduit|\bdesigner\b|\bux\b"),
        ("security", r"\bsecurity\b|\bciso\b|\bsicherheit|\bdatenschutz|\bprivacy\b"),
        ("data", r"\bdata\b|\banalytics?\b|\banalyst\b|\bmachine learning\b|\bai\b|\bml\b"),
        ("infrastructure", r"\bdevops\b|\bsre\b|\bplatform\b|\bcloud\b|\bsysadmin|\bsystem-?admin"
                           r"|\binfrastructure\b|\bnetwork"),
        ("engineering", r"\bengineer|\bdevelop|entwickl|\bprogramm(?:ier|er)|\bcto\b"
                        r"|\btechn|\barchitect|\barchitekt|\bsoftware\b|\bingenieur|\bingénieur"
                        r"|\budvikler|\butvecklare|\bit\b|\bcio\b|\bscien(?:tist|ce)"),
        ("finance", r"\bfinanc|\bcfo\b|\baccount(?:ing|ant)\b|\bcontroll|\bbuchhalt|\bfinanz"
                    r"|\bcompta|\btreasur|\bøkonomi|\bekonomi|\bkaufmännisch"),
        ("people", r"\bpeople\b|\bhr\b|\bchro\b|\bhuman resources?\b|\brecruit|\btalent\b"
                   r"|\bpersonal(?:leit|wesen|abteil|chef)|\bressources humaines\b"),
        ("legal", r"\blegal\b|\bcounsel\b|\battorney\b|\blawyer\b|\bclo\b|\bcompliance\b|\brecht"),
        ("operations", r"\boperations?\b|\bcoo\b|\boperating officer\b|\blogisti|\bprocurement\b"
                       r"|\bsupply\b|\bdisposition\b|\boffice\b|\bprogramme?\b|\bproject\b"),
        ("leadership", r"\bchief executive|\bceo\b|\bfounder|\bowner\b|\bpresident\b|\bpräsident"
                       r"|\bgeschäftsführ|\bvorstand|\binhaber|\bmanaging director\b|\bdirector\b"
                       r"|\bdirektør|\bdirecteur|\bchairm|\bprokurist|\bgründer|\bpartner\b"),
    )
)  # fmt: skip

_TITLE_WORD = re.compile(
    rf"\b(?:chief|{_CXO}|president|vice[- ]president|[esa]?vp|director|"
    r"manager|managing|head of|lead|leader|founder|co-?founder|owner|partner|principal|chair(?:man|"
    r"woman|person)?|counsel|secretary|treasurer|controller|engineer|developer|architect|designer|"
    r"scientist|researcher|analyst|consultant|advisor|adviser|specialist|expert|executive|officer|"
    r"coordinator|administrator|assistant|associate|accountant|recruiter|representative|technician|"
    r"editor|strategist|producer|supervisor|trainer|sysadmin|evangelist|advocate|intern|fellow|"
    r"bookkeeper|attorney|general manager|gm|account executive|"
    r"président|directeur|directrice|responsable|chargée? de|chef de|gérante?|fondateur|"
    r"fondatrice|ingénieur|développeur|développeuse|comptable|associée?|pdg|"
    r"direktør|direktör|direktor|leder|chef|konsulent|udvikler|utvecklare|utvikler|medejer|"
    r"stifter|medstifter|grundare|grundlægger|rådgiver|rådgivare|sælger|ingeniør|bogholder|"
    r"verkställande|daglig|vd|sjef|"
    r"prokurist(?:in)?|abtl|inhaber(?:in)?|vorstand(?:smitglied)?|netzwerker(?:in)?|geselle|"
    r"auszubildende[r]?|azubi)\b"
    r"|\w*(?:leiter|leitung|geschäftsführer|geschäftsführung|gründer|berater|techniker|entwickler|"
    r"programmierer|spezialist|experte|expertin|architekt|designer|beauftragte|kauffrau|kaufmann|"
    r"assistenz|ingenieur|elektroniker|sekretär|referent|redakteur|assistent|administrator|"
    r"buchhalter|verkäufer|direktor|chef|vorsitzende|vorsitzender|salgschef|"
    r"ansvarlig|ansvarig)(?:r|in|innen)?\b",
    re.IGNORECASE,
)

_SECTION = re.compile(r"\b(?:leadership|team|teams|staff|board|directors)$", re.IGNORECASE)
"""What headings over people end in, and titles do not."""

_DEPARTMENT = wordset(
    "accounting administration backoffice buchhaltung consulting controlling customer design "
    "disposition einkauf engineering finance finanzen hr innendienst it kommunikation "
    "kundenservice legal logistik marketing operations personal produktion sales sekretariat "
    "service success support vertrieb außendienst verwaltung entwicklung technik økonomi salg "
    "development research"
)

MAX_TITLE_CHARS = 110
MAX_TITLE_WORDS = 14


def is_title(text: str) -> bool:
    """Tell whether a line of text is a job title and not a sentence that mentions one.

    >>> is_title("VP People & Practice"), is_title("Our director wrote a book.")
    (True, False)
    """
    words = text.split()
    if not words or len(text) > MAX_TITLE_CHARS or len(words) > MAX_TITLE_WORDS:
        return False
    if text[-1] in ".!?:" and not re.search(r"\b(?:Jr|Sr|Dept|Dr|adm|Inc)\.$", text):
        return False
    if re.search(r"[@©]|https?:|\d{3}", text) or not text[0].isupper():
        return False
    if _SECTION.search(text):
        return False
    return _TITLE_WORD.search(text) is not None or is_department(text)


def is_department(text: str) -> bool:
    """Tell whether the text is nothing but the name of a department, as on German team pages."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    return 0 < len(words) <= 3 and all(word in _DEPARTMENT for word in words)


def has_title_word(text: str) -> bool:
    """Tell whether a word of the text belongs into job titles."""
    return _TITLE_WORD.search(text) is not None


def seniority(title: str) -> str | None:
    """Return one of SENIORITIES, or None when the text is empty.

    >>> seniority("Chairman & Chief Executive Officer"), seniority("Assistant to the CEO")
    ('c_suite', 'staff')
    >>> seniority("Geschäftsführer"), seniority("Product Owner")
    ('president', 'staff')
    """
    if not title.strip():
        return None
    for word, pattern in _SENIORITY:
        if pattern.search(title):
            return word
    return "staff"


def rank(title: str) -> int:
    """Return how senior a title, or a word of SENIORITIES, is: 0..100, 0 for nothing.

    Owner, founder and CEO 100, other C-level 90, president 85, EVP and SVP 75, VP 70, head and
    director 60, manager 40, anybody else 20.

    >>> rank("Chief Executive Officer"), rank("Senior Vice President, Growth"), rank("vp")
    (100, 75, 70)
    """
    if title in RANKS:
        return RANKS[title]
    level = seniority(title)
    if level is None:
        return 0
    if level == "c_suite" and _CEO.search(title):
        return 100
    if level == "vp" and _SENIOR_VP.search(title):
        return 75
    return RANKS[level]


def function(title: str) -> str | None:
    """Return the function of a company that a title belongs to, None when it does not say.

    One of presales, sales, customer_success, marketing, product, security, data, infrastructure,
    engineering, finance, people, legal, operations, leadership.

    >>> function("VP Engineering"), function("Leiter Vertrieb"), function("Chief Executive Officer")
    ('engineering', 'sales', 'leadership')
    """
    for word, pattern in _FUNCTION:
        if pattern.search(title):
            return word
    return None
