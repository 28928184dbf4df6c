"""What the rules of talking points read: merged facts, with signals and tools sorted by kind."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.merge import Item, Merged
from app.positioning import Positioning
from app.wording import moment, sentence

RECENT = timedelta(days=180)
"""How old news may be to be brought up."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What rules read."""

    merged: Merged
    positioning: Positioning | None
    now: datetime

    def text(self, name: str) -> str:
        """Return the text of a field, empty when nobody knew."""
        value = self.merged.value(name)
        return value if isinstance(value, str) else ""

    @property
    def company(self) -> str:
        """The company's name, or a word for it."""
        return self.text("company.name") or "the company"

    @property
    def company_backing(self) -> list[Item]:
        """What the company's name rests on, nothing when it is not known."""
        return list(self.merged.items("company.name"))

    def tools(self, tool_class: str) -> list[Item]:
        """Return the tools of one class, or of no class at all when it is empty."""
        technologies = self.merged.items("company.technologies")
        return [item for item in technologies if tool_class in tool_classes(item.value)]

    def signals(self, kind: str) -> list[Item]:
        """Return the signals of a kind, newest first."""
        found = [item for item in self.merged.items("signals") if signal_kind(item) == kind]
        return sorted(found, key=happened, reverse=True)


# --- signals -------------------------------------------------------------------------------

KINDS: Mapping[str, str] = {
    word: kind
    for kind, words in {
        "funding": "funding raise round investment",
        "leadership": "leadership leader executive executive_change appointment new_leader",
        "acquisition": "acquisition m_a mna merger takeover acquired",
        "layoffs": "layoffs layoff restructuring job_cuts",
        "incident": "incident breach data_breach legal lawsuit security_incident legal_breach",
        "distress": "distress bankruptcy insolvency",
        "product": "product launch product_launch release",
        "expansion": "expansion office new_office market",
        "partnership": "partnership partner",
        "results": "results earnings revenue",
        "pricing": "pricing pricing_public",
        "hiring": "hiring job jobs open_roles hire",
    }.items()
    for word in words.split()
}
"""A source's word for a kind of signal -> ours."""


def signal_kind(item: Item) -> str:
    """Return the kind of a signal in our own word for it, as given when we have none."""
    word = re.sub(r"\W+", "_", part(item, "kind").casefold()).strip("_")
    return KINDS.get(word, word)


def part(item: Item, key: str) -> str:
    """Return a text of an object value, empty when it is not there."""
    value = item.value.get(key) if isinstance(item.value, dict) else None
    return value if isinstance(value, str) else ""


def dated(item: Item) -> datetime | None:
    """Return the date of a signal itself, not of the day a source told us."""
    return moment(part(item, "seen_at"))


def happened(item: Item) -> datetime:
    """Return the date of a signal, or else when we heard of it last."""
    return dated(item) or item.seen_at


def is_recent(item: Item, now: datetime) -> bool:
    """Tell whether a signal is news still."""
    return now - happened(item) <= RECENT


# --- tools ---------------------------------------------------------------------------------

TOOLS: Mapping[str, frozenset[str]] = {
    name: frozenset(line.casefold().split(", "))
    for name, line in {
        "CRM": "Salesforce, HubSpot, HubSpot CRM, Pipedrive, Zoho, Zoho CRM, Close, Copper, "
        "Microsoft Dynamics, Dynamics 365, Microsoft Dynamics 365, Freshsales, SugarCRM, Attio",
        "mail": "Google Workspace, Microsoft 365, Office 365, Microsoft Exchange Online, "
        "Exchange Online, Zoho Mail, Fastmail, Proton Mail, G Suite",
        "support": "Zendesk, Intercom, Freshdesk, Help Scout, Gorgias, Front, Kustomer, "
        "Jira Service Management, LiveChat, Tidio, Crisp, Zoho Desk, HelpDesk",
        "marketing": "Marketo, Pardot, HubSpot, HubSpot Marketing, Mailchimp, Klaviyo, Brevo, "
        "ActiveCampaign, Eloqua, Salesforce Marketing Cloud, Customer.io, Braze, Iterable, "
        "Constant Contact, Campaign Monitor, Account Engagement",
        "AI": "OpenAI, Anthropic, Cursor, Claude, ChatGPT, Mistral, Perplexity, GitHub Copilot",
        "analytics": "Mixpanel, Amplitude, Heap, PostHog, Matomo, Adobe Analytics, Plausible",
        "HR": "Workday, BambooHR, Personio, Rippling, Gusto, Deel, HiBob",
    }.items()
}
"""Class of tool -> the names sources use for tools of it, in lower case."""


def tool_classes(tool: object) -> frozenset[str]:
    """Return the classes a tool belongs to; most tools belong to none that matters here."""
    folded = tool.casefold() if isinstance(tool, str) else ""
    return frozenset(name for name, tools in TOOLS.items() if folded in tools)


# --- status --------------------------------------------------------------------------------

_OPEN = frozenset({"active", "open", "operating", "ok", "unknown"})


def status_words(merged: Merged) -> str | None:
    """Say in one sentence that a company is closed, renamed or the like; None when it is not."""
    item = merged.item("company.status")
    status = (part(item, "status") if item else "").casefold()
    if item is None or not status or status in _OPEN:
        return None
    name = merged.value("company.name") or "The company"
    successor = part(item, "successor")
    if status == "renamed" and successor:
        return sentence(f"{name} is now called {successor}")
    said = status.replace("_", " ")
    return f"{name} is reported as {said}{f' (now {successor})' if successor else ''}."
