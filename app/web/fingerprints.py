"""Tools a company uses, told by its DNS records and by what its pages load (own table).

MX, SPF, TXT and CNAME entries match a suffix of a host name or a prefix of a text; page entries
match the host of a loaded resource or of an inline loader. Sources: facts/sources.md section 8,
read 2026-11-21. Names of integrations in page text are never tools in use.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.web.page import Page

CLASSES: Mapping[str, str] = {
    tool: kind
    for kind, tools in {
        "mail": "Google Workspace|Microsoft 365|Zoho Mail|Fastmail|Proton Mail|Rackspace Email"
                "|GoDaddy Email|IONOS|OVH|Gandi|Yandex Mail|Cloudflare Email Routing|ImprovMX"
                "|Alibaba Mail|Tencent Exmail|Amazon SES Inbound|Exclaimer",
        "mail_security": "Proofpoint|Mimecast|Barracuda|Cisco Secure Email|Symantec Email Security"
                         "|Trend Micro|Hornetsecurity|Forcepoint|Sophos",
        "crm": "Salesforce|HubSpot|Pipedrive|Zoho|Microsoft Dynamics 365",
        "marketing": "Salesforce Marketing Cloud|Account Engagement|Marketo|Mailchimp|Brevo|Mailjet"
                     "|ActiveCampaign|Campaign Monitor|MailerLite|Constant Contact|Klaviyo|Unbounce"
                     "|ClickDimensions|Wistia|LinkedIn Insight Tag|Meta Pixel|Clearbit|6sense"
                     "|ZoomInfo|Drift|Qualified|Pinterest",
        "email_delivery": "SendGrid|Mailgun|Amazon SES|Postmark|SparkPost|Firebase",
        "support": "Zendesk|Freshdesk|Freshworks|Help Scout|Intercom|Freshchat|Crisp|Tawk.to"
                   "|LiveChat|Discourse",
        "security": "KnowBe4|1Password|LastPass|Duo|Bugcrowd|Have I Been Pwned|Wiz|Okta|Auth0"
                    "|Palo Alto Networks|Jamf|Flexera|OneTrust|Keybase",
        "hr": "Greenhouse|Lever|Ashby|Workable|SmartRecruiters|Recruitee|Personio|Teamtailor"
              "|BambooHR|Breezy|join.com|Workday|iCIMS|Rippling|Jobvite|JazzHR|Pinpoint",
        "analytics": "Google Analytics|Google Tag Manager|Hotjar|Microsoft Clarity|Segment|Heap"
                     "|Amplitude|Mixpanel|FullStory|Pendo|Ahrefs|Matomo|Plausible|Qualtrics",
        "testing": "Optimizely|VWO",
        "cms": "WordPress|Drupal|Squarespace|Wix|Webflow|Framer|Ghost|Adobe Experience Manager"
               "|Bricolage|Sitefinity|TYPO3|Joomla|Hugo|Jekyll|Contao|Next.js|HubSpot CMS",
        "commerce": "Shopify|BigCommerce|WooCommerce|Stripe|Chargebee|Paddle|PrestaShop|Magento",
        "hosting": "WP Engine|Netlify|Vercel|Heroku|GitHub Pages|Amazon CloudFront|Microsoft Azure"
                   "|Fastly|Akamai|Cloudflare",
        "collaboration": "Atlassian|Slack|Zoom|Dropbox|Box|Notion|Miro|Figma|Asana|Airtable"
                         "|monday.com|Wrike|Smartsheet|Loom|Canva|Cisco Webex|TeamViewer"
                         "|Facebook Workplace|Whimsical|Linear",
        "documents": "DocuSign|Adobe Acrobat Sign|Adobe|Citrix|VMware",
        "scheduling": "Calendly|Chili Piper",
        "consent": "Cookiebot|Usercentrics|Osano",
        "video": "Vimeo",
        "monitoring": "Sentry|Datadog|New Relic|Statuspage",
        "developer": "MongoDB|Twilio|Postman|Docker|Zapier|Cursor|Autodesk|ReadMe|GitBook|Apple",
        "ai": "OpenAI|Anthropic",
        "finance": "NetSuite|Sage Intacct",
        "travel": "Uber",
        "training": "Skilljar",
        "investor_relations": "Q4",
    }.items()
    for tool in tools.split("|")
}  # fmt: skip
"""Tool -> class, for every tool named in the tables below."""


def tool_class(name: str) -> str | None:
    """Return what a tool is for (crm, mail, support, ...), None for one we do not know.

    >>> tool_class("HubSpot"), tool_class("Zendesk"), tool_class("Abacus")
    ('crm', 'support', None)
    """
    return CLASSES.get(name)


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool in use: how sure, and the record or address that shows it."""

    name: str
    confidence: float
    quote: str


def _table(text: str) -> dict[str, str]:
    """Read lines of `pattern pattern = Tool` into pattern -> tool."""
    rows = (line.split(" = ") for line in text.strip().splitlines())
    return {pattern: tool.strip() for patterns, tool in rows for pattern in patterns.split()}


MX = _table("""
google.com googlemail.com = Google Workspace
mail.protection.outlook.com mx.microsoft = Microsoft 365
pphosted.com ppe-hosted.com = Proofpoint
mimecast.com = Mimecast
barracudanetworks.com = Barracuda
iphmx.com = Cisco Secure Email
messagelabs.com = Symantec Email Security
trendmicro.com tmes.trendmicro.eu = Trend Micro
hornetsecurity.com antispameurope.com = Hornetsecurity
mailcontrol.com = Forcepoint
hydra.sophos.com = Sophos
zoho.com zoho.eu zoho.in = Zoho Mail
messagingengine.com = Fastmail
protonmail.ch = Proton Mail
emailsrvr.com = Rackspace Email
secureserver.net = GoDaddy Email
kundenserver.de ionos.com ionos.de ionos.co.uk ionos.es ionos.fr = IONOS
ovh.net = OVH
gandi.net = Gandi
yandex.net = Yandex Mail
mx.cloudflare.net = Cloudflare Email Routing
improvmx.com = ImprovMX
amazonaws.com = Amazon SES Inbound
mxhichina.com = Alibaba Mail
exmail.qq.com = Tencent Exmail
""")

SPF = _table("""
_spf.google.com = Google Workspace
spf.protection.outlook.com = Microsoft 365
_spf.salesforce.com = Salesforce
exacttarget.com = Salesforce Marketing Cloud
pardot.com = Account Engagement
hubspotemail.net = HubSpot
mktomail.com = Marketo
servers.mcsv.net mandrillapp.com = Mailchimp
sendgrid.net = SendGrid
mailgun.org = Mailgun
amazonses.com = Amazon SES
mailjet.com = Mailjet
sendinblue.com brevo.com = Brevo
mtasv.net = Postmark
sparkpostmail.com = SparkPost
mail.zendesk.com = Zendesk
freshdesk.com freshemail.io = Freshworks
helpscoutemail.com = Help Scout
emsd1.com = ActiveCampaign
createsend.com = Campaign Monitor
mlsend.com = MailerLite
constantcontact.com = Constant Contact
zoho.com zoho.eu = Zoho
qualtrics.com = Qualtrics
_spf.atlassian.net = Atlassian
netsuite.com = NetSuite
_spf.intacct.com = Sage Intacct
shops.shopify.com = Shopify
exclaimer.net = Exclaimer
clickdimensions.com = ClickDimensions
greenhouse.io = Greenhouse
knowbe4.com = KnowBe4
mimecast.com = Mimecast
pphosted.com = Proofpoint
firebasemail.com = Firebase
""")

TXT = _table("""
atlassian-domain-verification = Atlassian
docusign = DocuSign
adobe-sign-verification = Adobe Acrobat Sign
adobe-idp-site-verification = Adobe
apple-domain-verification = Apple
facebook-domain-verification = Meta Pixel
slack-domain-verification = Slack
stripe-verification = Stripe
zoom-domain-verification zoom_verify = Zoom
zoho-verification = Zoho
dropbox-domain-verification = Dropbox
autodesk-domain-verification = Autodesk
1password-site-verification = 1Password
lastpass-verification-code = LastPass
knowbe4-site-verification = KnowBe4
jamf-site-verification = Jamf
mongodb-site-verification = MongoDB
twilio-domain-verification = Twilio
teamviewer-sso-verification = TeamViewer
citrix-verification-code = Citrix
webexdomainverification = Cisco Webex
paloaltonetworks-site-verification = Palo Alto Networks
sophos-domain-verification = Sophos
duo_sso_verification = Duo
canva-site-verification = Canva
calendly-site-verification = Calendly
zapier-domain-verification-challenge = Zapier
whimsical = Whimsical
pinterest-site-verification = Pinterest
uber-domain-verification = Uber
have-i-been-pwned-verification = Have I Been Pwned
vmware-cloud-verification = VMware
flexera-domain-verification = Flexera
bugcrowd-verification = Bugcrowd
keybase-site-verification = Keybase
protonmail-verification = Proton Mail
yandex-verification = Yandex Mail
ms=ms = Microsoft 365
openai-domain-verification = OpenAI
anthropic-domain-verification = Anthropic
cursor-domain-verification = Cursor
notion-domain-verification = Notion
miro-verification = Miro
figma-domain-verification = Figma
linear-domain-verification = Linear
asana-domain-verification = Asana
airtable-verification = Airtable
monday-com-verification = monday.com
wrike-verification = Wrike
box-domain-verification = Box
onetrust-domain-verification = OneTrust
pendo-domain-verification = Pendo
postman-domain-verification = Postman
docker-verification = Docker
wiz-domain-verification = Wiz
rippling-domain-verification = Rippling
workplace-domain-verification = Facebook Workplace
hubspot-developer-verification = HubSpot
brevo-code = Brevo
segment-site-verification = Segment
klaviyo-site-verification = Klaviyo
shopify-verification-code = Shopify
ahrefs-site-verification = Ahrefs
status-page-domain-verification = Statuspage
loom-verification = Loom
smartsheet-site-validation = Smartsheet
""")
"""Prefixes of a TXT record. `google-site-verification` is left out: everybody has it."""

CNAME = _table("""
statuspage.io = Statuspage
zendesk.com = Zendesk
freshdesk.com = Freshdesk
helpscoutdocs.com = Help Scout
intercom.help = Intercom
readme.io readmessl.com = ReadMe
gitbook.io = GitBook
mktoweb.com mktossl.com mktdns.com = Marketo
hs-sites.com hubspot.net = HubSpot
pardot.com = Account Engagement
unbouncepages.com = Unbounce
myshopify.com = Shopify
ghost.io = Ghost
proxy-ssl.webflow.com = Webflow
wpengine.com = WP Engine
netlify.app netlify.com = Netlify
vercel-dns.com vercel.app = Vercel
herokudns.com = Heroku
github.io = GitHub Pages
cloudfront.net = Amazon CloudFront
azurewebsites.net = Microsoft Azure
fastly.net = Fastly
akamaiedge.net edgekey.net = Akamai
wixdns.net = Wix
teamtailor.com = Teamtailor
skilljarapp.com = Skilljar
q4web.com = Q4
""")

PAGE_HOSTS = _table("""
js.hs-scripts.com hs-analytics.net hsforms.net js.hsforms.net = HubSpot
munchkin.marketo.net app-sj.marketo.com = Marketo
pi.pardot.com = Account Engagement
list-manage.com list-manage1.com chimpstatic.com = Mailchimp
widget.intercom.io js.intercomcdn.com = Intercom
js.driftt.com = Drift
static.zdassets.com = Zendesk
wchat.freshchat.com = Freshchat
client.crisp.chat = Crisp
embed.tawk.to = Tawk.to
cdn.livechatinc.com = LiveChat
js.qualified.com = Qualified
snap.licdn.com = LinkedIn Insight Tag
google-analytics.com = Google Analytics
static.hotjar.com = Hotjar
clarity.ms = Microsoft Clarity
cdn.segment.com = Segment
cdn.heapanalytics.com = Heap
cdn.amplitude.com = Amplitude
cdn.mxpnl.com = Mixpanel
edge.fullstory.com fullstory.com = FullStory
cdn.pendo.io = Pendo
plausible.io = Plausible
cdn.optimizely.com = Optimizely
dev.visualwebsiteoptimizer.com = VWO
js.stripe.com = Stripe
js.chargebee.com = Chargebee
cdn.paddle.com = Paddle
cdn.shopify.com = Shopify
static1.squarespace.com = Squarespace
static.parastorage.com wixstatic.com = Wix
framerusercontent.com = Framer
assets.website-files.com cdn.prod.website-files.com = Webflow
cdn.cookielaw.org = OneTrust
consent.cookiebot.com = Cookiebot
app.usercentrics.eu = Usercentrics
cmp.osano.com = Osano
tag.clearbitscripts.com = Clearbit
j.6sc.co = 6sense
ws.zoominfo.com = ZoomInfo
assets.calendly.com = Calendly
js.chilipiper.com = Chili Piper
fast.wistia.com fast.wistia.net embed-ssl.wistia.com = Wistia
player.vimeo.com = Vimeo
browser.sentry-cdn.com js.sentry-cdn.com = Sentry
js-agent.newrelic.com = New Relic
cdn.auth0.com = Auth0
""")

_PATHS = (
    (re.compile(r"googletagmanager\.com/(?:gtm\.js|ns\.html)"), "Google Tag Manager"),
    (re.compile(r"googletagmanager\.com/gtag/js|google-analytics\.com/"), "Google Analytics"),
    (re.compile(r"/wp-content/|/wp-includes/"), "WordPress"),
    (re.compile(r"/plugins/woocommerce/"), "WooCommerce"),
    (re.compile(r"/_next/static/"), "Next.js"),
    (re.compile(r"/etc\.clientlibs/"), "Adobe Experience Manager"),
    (re.compile(r"/sites/default/files/|/core/misc/drupal"), "Drupal"),
    (re.compile(r"connect\.facebook\.net/.*fbevents\.js"), "Meta Pixel"),
    (re.compile(r"datadoghq-browser-agent"), "Datadog"),
)
_LOADERS = (
    (re.compile(r"connect\.facebook\.net/\w+/fbevents\.js"), "Meta Pixel"),
    (re.compile(r"googletagmanager\.com/gtm\.js"), "Google Tag Manager"),
    (re.compile(r"google-analytics\.com/(?:ga|analytics|urchin)\.js"), "Google Analytics"),
)
_GENERATORS = (
    "WordPress", "Drupal", "Joomla", "TYPO3", "Hugo", "Jekyll", "Ghost", "Webflow", "Wix",
    "Squarespace", "Sitefinity", "Bricolage", "Contao", "Shopify", "Framer", "WooCommerce",
)  # fmt: skip


def page_tools(page: Page) -> Iterator[Tool]:
    """Yield tools told by what the page loads and by its generator; never by its text."""
    for address in page.resources:
        host = _host(address)
        tool = _by_suffix(host, PAGE_HOSTS)
        if tool:
            yield Tool(tool, 0.85, host)
        yield from (
            Tool(name, 0.85, address[:200]) for path, name in _PATHS if path.search(address)
        )
    for host in set(re.findall(r"//((?:[\w-]+\.)+[a-z]{2,10})", page.scripts)):
        tool = _by_suffix(host, PAGE_HOSTS)
        if tool:
            yield Tool(tool, 0.8, host)
    for pattern, tool in _LOADERS:
        if match := pattern.search(page.scripts):
            yield Tool(tool, 0.8, match.group())
    generator = page.metas.get("generator", "")
    for name in _GENERATORS:
        if generator.lower().startswith(name.lower()):
            yield Tool(name, 0.85, generator[:200])


ATS = tuple(
    (vendor, re.compile(pattern, re.IGNORECASE))
    for vendor, pattern in (
        ("Greenhouse", r"(?:boards|job-boards)(?:\.eu)?\.greenhouse\.io/(?:embed/job_board(?:/js)?"
                       r"\?for=)?([\w-]+)"),
        ("Greenhouse", r"boards-api\.greenhouse\.io/v1/boards/([\w-]+)"),
        ("Lever", r"jobs(?:\.eu)?\.lever\.co/([\w.-]+)"),
        ("Ashby", r"jobs\.ashbyhq\.com/([^/\"'?#]+)"),
        ("Workable", r"apply\.workable\.com/(?:api/v\d/(?:widget/)?accounts/)?([\w-]+)"),
        ("SmartRecruiters", r"(?:careers|jobs)\.smartrecruiters\.com/([\w-]+)"),
        ("Recruitee", r"([\w-]+)\.recruitee\.com"),
        ("Personio", r"([\w-]+)\.jobs\.personio\.(?:de|com)"),
        ("Teamtailor", r"([\w-]+)\.teamtailor\.com"),
        ("BambooHR", r"([\w-]+)\.bamboohr\.com"),
        ("Breezy", r"([\w-]+)\.breezy\.hr"),
        ("join.com", r"//(?:www\.)?join\.com/(?:companies/([\w-]+)|api/widget)"),
        ("Workday", r"([\w-]+)\.wd\d+\.myworkdayjobs\.com/"),
        ("iCIMS", r"(?:careers|jobs)-?([\w-]+)\.icims\.com"),
        ("Rippling", r"ats\.rippling\.com/([\w-]+)/jobs"),
        ("Jobvite", r"jobs\.jobvite\.com/([\w-]+)"),
        ("JazzHR", r"([\w-]+)\.applytojob\.com"),
        ("Pinpoint", r"([\w-]+)\.pinpointhq\.com"),
    )
)  # fmt: skip
"""Job boards by their addresses; the group is the company's token there (sources.md 9)."""


def job_board(page: Page) -> tuple[str, str] | None:
    """Return vendor and address of the job board that a careers page links to or embeds."""
    places = [*(link.url for link in page.links), *page.resources]
    for address in places:
        for vendor, pattern in ATS:
            if pattern.search(address):
                return vendor, address
    for vendor, pattern in ATS:
        if match := pattern.search(page.scripts):
            return vendor, match.group()
    return None


def mx_tools(hosts: Iterable[str]) -> Iterator[Tool]:
    """Yield the mail host and gateways behind MX hosts."""
    for host in hosts:
        if tool := _by_suffix(host, MX):
            yield Tool(tool, 0.95, f"MX {host}")


def spf_tools(record: str) -> Iterator[Tool]:
    """Yield the tools that an SPF record lets send mail; nested records are not followed."""
    for term in record.lower().split():
        kind, _, host = term.lstrip("+?~-").replace("redirect=", "redirect:").partition(":")
        if kind in {"include", "redirect"} and (tool := _by_suffix(host.rstrip("."), SPF)):
            yield Tool(tool, 0.8, f"SPF {term}")


def txt_tools(record: str) -> Iterator[Tool]:
    """Yield the tool that a verification record was once set for; it may be old."""
    text = record.strip().strip('"').lower()
    for prefix, tool in TXT.items():
        if text.startswith(prefix):
            yield Tool(tool, 0.6, f"TXT {prefix}")
            return


def cname_tools(label: str, target: str) -> Iterator[Tool]:
    """Yield the tool that a sub-domain points to."""
    if tool := _by_suffix(target.rstrip(".").lower(), CNAME):
        yield Tool(tool, 0.85, f"CNAME {label} {target.rstrip('.')}")


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _by_suffix(host: str, table: Mapping[str, str]) -> str | None:
    host = host.lower().rstrip(".")
    while host:
        if host in table:
            return table[host]
        host = host.partition(".")[2]
    return None
