"""Who is meant: what people type and what programs send."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.errors import DisposableAddress, InvalidProspect
from app.facts import Section
from app.prospect import AddressClass, By, Identifiers, Prospect, from_parts, identify, sections_for

ALL = frozenset(Section)
COMPANY_ONLY = ALL - {Section.person}

# --- what is typed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("sarah.chen@acme.example", "email:sarah.chen@acme.example"),
        ("  Sarah.Chen@ACME.Example. ", "email:sarah.chen@acme.example"),
        ("mailto:sarah@example.com?subject=Hi", "email:sarah@example.com"),
        ("mailto:sarah%2Bcrm@example.com", "email:sarah@example.com"),
        ("<sarah@example.com>", "email:sarah@example.com"),
        ('"Sarah Chen" <mailto:sarah@example.com>', "email:sarah@example.com"),
        ("sarah+crm@example.com", "email:sarah@example.com"),
        ("s.arah+x@GoogleMail.com", "email:sarah@gmail.com"),
        ("jane@m\u00fcnchen.de", "email:jane@xn--mnchen-3ya.de"),
        ("\u200bsarah@example.com\ufeff", "email:sarah@example.com"),
        ("\uff53arah\uff20example.com", "email:sarah@example.com"),
        ("acme.example", "domain:acme.example"),
        ("WWW.Acme.Example", "domain:acme.example"),
        ("https://me:pw@shop.example.co.uk:8080/a?b=c@d#e", "domain:example.co.uk"),
        ("//careers.example.com/jobs", "domain:example.com"),
        ("example.com//team", "domain:example.com"),
        ("https://example.com/@sarah", "domain:example.com"),
        ("m\u00fcnchen.de", "domain:xn--mnchen-3ya.de"),
        ("acme.github.io", "domain:acme.github.io"),
        ("linkedin.com", "domain:linkedin.com"),
        ("https://www.linkedin.com/in/Sarah-Chen/?trk=x", "linkedin:in/sarah-chen"),
        ("https://m.linkedin.com/mwlite/in/sarah-chen", "linkedin:in/sarah-chen"),
        ("de.linkedin.com/in/j%C3%B6rg-mei/en", "linkedin:in/j\u00f6rg-mei"),
        ("http://www.linkedin.com/pub/sarah-chen/1a/2b3/45", "linkedin:in/sarah-chen-0452b31a"),
        ("https://www.linkedin.com/in/ACoAAAbC123", "linkedin:in/ACoAAAbC123"),
        ("https://www.linkedin.com/company/Acme/about/", "linkedin:company/acme"),
        ("https://www.linkedin.com/school/acme", "linkedin:company/acme"),
        ("Sarah Chen, Acme Corp", "name:sarah chen|acme corp"),
        ("  sarah   CHEN at Acme Corp. ", "name:sarah chen|acme corp"),
        ("Sarah Chen @ Acme Corp", "name:sarah chen|acme corp"),
        ("Dr. Sarah Chen, PhD, Acme Corp", "name:sarah chen|acme corp"),
        ("Sarah Chen, VP of Sales at Acme Corp", "name:sarah chen|acme corp"),
        ("Sarah Chen, Acme, Inc.", "name:sarah chen|acme, inc"),
        ("Sarah Chen, www.acme.example/about", "name:sarah chen@acme.example"),
        ("Sarah Chen, sarah@acme.example", "email:sarah@acme.example"),
        ("Sarah Chen, linkedin.com/in/sarah-chen", "linkedin:in/sarah-chen"),
        ("\u738b\u4f1f, Acme", "name:\u738b\u4f1f|acme"),
    ],
)
def test_what_is_typed_is_one_prospect(typed: str, key: str) -> None:
    assert identify(typed).key == key


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", "Nothing was given"),
        (" \n ", "Nothing was given"),
        ("acme", "single word"),
        ("localhost", "single word"),
        ("x" * 321, "longer than 320"),
        ("sarah\x00@example.com", "control characters"),
        ("Sarah\tChen, Acme", "control characters"),
        ("<script>alert(1)</script>", "HTML"),
        ("Sarah <b>Chen</b>, Acme", "HTML"),
        ("a@example.com, b@example.com", "more than one"),
        ("a@example.com b@example.com", "more than one"),
        ("example.com, example.org", "more than one"),
        ("Sarah Chen; Ana Sol", "more than one"),
        ("Sarah Chen", "neither a company nor an address"),
        ("Sarah, Acme", "first and last name"),
        ("R2 D2, Acme", "first and last name"),
        ("Sarah Chen, ?!", "company's name"),
        ("@example.com", "nothing before the @"),
        ("sarah@", "nothing after the @"),
        ("a@b@example.com", "exactly one @"),
        ("sarah..chen@example.com", "valid e-mail"),
        ("sarah@localhost", "usable domain"),
        ("sarah@acme.test", "usable domain"),
        ("sarah@mail.invalid", "usable domain"),
        ("sarah@[127.0.0.1]", "usable domain"),
        ("acme.test", "top-level domain"),
        ("acme.cmo", "top-level domain"),
        ("report.pdf", "top-level domain"),
        ("co.uk", "many share"),
        ("github.io", "many share"),
        ("192.0.2.7", "IP address"),
        ("http://[2001:db8::1]/", "IP address"),
        ("https://", "web address"),
        ("ftp://example.com", "web address"),
        ("example.com:port", "web address"),
        ("-x.com", "web address"),
        ("https://www.linkedin.com/sales/lead/ACwAAB", "Sales Navigator"),
        ("https://www.linkedin.com/feed/", "LinkedIn profile or company page"),
        ("https://www.linkedin.com/in/", "LinkedIn profile or company page"),
        ("https://www.linkedin.com/pub/dir/Sarah/Chen", "LinkedIn profile or company page"),
        ("https://lnkd.in/abc", "LinkedIn profile or company page"),
    ],
)
def test_bad_input_is_refused_with_the_reason(typed: str, fault: str) -> None:
    with pytest.raises(InvalidProspect) as refused:
        identify(typed)
    said = str(refused.value)
    assert fault in said
    assert said.endswith('a LinkedIn profile or company URL, or "Name, Company".')
    assert "\n" not in said


def test_a_throw_away_mailbox_is_refused_with_its_own_reason() -> None:
    with pytest.raises(DisposableAddress, match="disposable mailbox"):
        identify("sarah@eu.mailinator.com")


def test_the_address_to_send_to_keeps_its_tag_and_the_name_beside_it() -> None:
    assert identify("Chen, Sarah (Acme) <S.Chen+CRM@acme.example>").known == Identifiers(
        email="s.chen+crm@acme.example", domain="acme.example", name="Sarah Chen"
    )


@pytest.mark.parametrize("header", ["Sales", "Acme 24/7", "s@acme.example", "Chen, S. via Meet"])
def test_a_display_name_that_is_no_name_is_dropped(header: str) -> None:
    known = identify(f'"{header}" <s@acme.example>').known
    assert known.name in {None, "S. Chen"}
    assert known.email == "s@acme.example"


@pytest.mark.parametrize(
    ("typed", "kind", "domain", "sections"),
    [
        ("sarah@mail.acme.example", AddressClass.company, "acme.example", ALL),
        ("sarah@gmail.com", AddressClass.free_mail, None, {Section.person}),
        ("info@acme.example", AddressClass.role, "acme.example", COMPANY_ONLY),
        ("no-reply@gmail.com", AddressClass.role, None, COMPANY_ONLY),
        ("acme.example", None, "acme.example", COMPANY_ONLY),
        ("linkedin.com/company/acme", None, None, COMPANY_ONLY),
        ("linkedin.com/in/sarah-chen", None, None, ALL),
        ("Sarah Chen, Acme", None, None, ALL),
    ],
)
def test_the_kind_of_identifier_decides_what_is_asked(
    typed: str, kind: AddressClass | None, domain: str | None, sections: frozenset[Section]
) -> None:
    prospect = identify(typed)
    assert prospect.address_class is kind
    assert prospect.known.domain == domain
    assert sections_for(prospect) == sections


def test_a_sandbox_outcome_does_not_depend_on_its_domains_other_prospects() -> None:
    usual, magic = identify("sarah@acme.example"), identify("notfound@acme.example")
    assert usual.company_key == "domain:acme.example"
    assert magic.company_key == magic.key
    assert magic.is_sandbox


# --- what is sent in fields --------------------------------------------------------------------


def test_the_mailbox_leads_and_the_rest_enriches() -> None:
    prospect = from_parts(
        email="sarah@gmail.com",
        domain="https://www.acme.com",
        linkedin_url="https://linkedin.com/in/sarah-chen",
        name="Sarah Chen",
        company="Acme Corp",
    )
    assert (prospect.by, prospect.key) == (By.email, "email:sarah@gmail.com")
    assert prospect.known == Identifiers(
        email="sarah@gmail.com",
        domain="acme.com",
        linkedin="in/sarah-chen",
        name="Sarah Chen",
        company="Acme Corp",
    )
    assert sections_for(prospect) == ALL


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        ({"domain": "acme.com", "company": "Acme"}, "domain:acme.com"),
        ({"name": "Sarah Chen", "domain": "acme.com", "company": "A"}, "name:sarah chen@acme.com"),
        ({"name": "Sarah Chen", "company": "Acme"}, "name:sarah chen|acme"),
        ({"linkedin_url": "in/sarah-chen", "domain": "acme.com"}, "linkedin:in/sarah-chen"),
        ({"linkedin_url": "linkedin.com/company/acme"}, "linkedin:company/acme"),
        ({"email": "sarah@acme.com", "domain": "acme.io"}, "email:sarah@acme.com"),
        ({"email": "sarah@acme.com", "name": "Sarah"}, "email:sarah@acme.com"),
    ],
)
def test_the_first_complete_field_gives_the_key(parts: dict[str, str], key: str) -> None:
    assert from_parts(**parts).key == key


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"email": " "},
        {"name": "Sarah Chen"},
        {"company": "Acme"},
        {"name": "Sarah", "company": "Acme"},
        {"linkedin_url": "https://acme.com/in/sarah"},
        {"domain": "acme"},
        {"domain": "sarah@acme.com, b"},
        {"email": "sarah@acme.com", "domain": "acme.example"},
        {"email": "sarah@acme.example", "domain": "acme.com"},
    ],
)
def test_incomplete_or_unreadable_fields_are_refused(parts: dict[str, str]) -> None:
    with pytest.raises(InvalidProspect):
        from_parts(**parts)


def test_a_prospect_survives_json() -> None:
    prospect = identify("Sarah Chen <info@acme.example>")
    assert Prospect.from_json(prospect.to_json()) == prospect


# --- whatever comes ----------------------------------------------------------------------------

same_each_time = settings(derandomize=True, deadline=None)

PIECES = (
    *("Sarah", "Chen", " ", ", ", " at ", "@", "acme", ".com", ".co.uk", "https://", "www."),
    *("linkedin.com", "/in/", "/company/", "mailto:", "<", ">", "+x", "Dr. ", "\u0130"),
)
TYPED = st.one_of(
    st.text(max_size=340),
    st.text(alphabet="sarah chen,@.:/<>()[]?#%+-;'\"inATat\u00e4\u0130\u00df0\u3002", max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
)


@same_each_time
@given(TYPED)
@example("http://[")
@example("https://linkedin.com/in/%ff%00")
@example("mailto:%00@example.com")
@example("\ud800@example.com")
@example("xn--a.com")
@example("\u0130@example.com")
@example("DR .A A,0")
@example("A A,AT AT 0")
@example("A A.AL,.0.LOL")
@example("LINKEDIN.COM/IN/0./")
def test_nothing_typed_breaks_it_and_what_it_understands_it_understands_again(typed: str) -> None:
    try:
        prospect = identify(typed)
    except InvalidProspect as refused:
        assert_safe_to_show(str(refused), typed)
    else:
        again = identify(str(prospect))
        assert (again.by, again.key) == (prospect.by, prospect.key)
        assert prospect.key == prospect.key.strip()


def assert_safe_to_show(said: str, typed: str) -> None:
    assert not any(unicodedata.category(char).startswith("C") for char in said)
    assert typed[:81] not in said or len(typed) < 81


LOCAL = st.from_regex(r"[a-z][a-z0-9]{1,8}(\.[a-z]{2,8})?", fullmatch=True)
LABEL = st.from_regex(r"[a-z][a-z0-9]{2,10}", fullmatch=True)


@same_each_time
@given(LOCAL, LABEL, st.booleans())
def test_spellings_of_one_mailbox_give_one_key(local: str, label: str, is_tagged: bool) -> None:
    plain = f"{local}@{label}.example"
    other = f" Mailto:{local.upper()}{'+news' if is_tagged else ''}@{label.title()}.EXAMPLE "
    assert identify(plain).key == identify(other).key


@same_each_time
@given(LABEL, st.sampled_from(["www.", "shop.eu.", ""]), st.sampled_from(["", "/a/b?c#d", ":443"]))
def test_every_url_of_a_site_gives_one_key(label: str, sub: str, rest: str) -> None:
    wanted = f"domain:{label}.example"
    assert identify(f"{sub}{label}.example{rest}").key == wanted
    assert identify(f"HTTPS://{sub}{label.upper()}.example{rest}").key == wanted
