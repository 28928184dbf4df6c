"""Kinds of addresses, and which spellings mean the same."""

import pytest

from app.addresses import (
    address_class,
    canonical_host,
    has_known_ending,
    is_disposable,
    is_free_mail,
    is_ip_address,
    is_linkedin_host,
    is_role,
    linkedin_id,
    mailbox_key,
    registrable,
    sandbox_branch,
)


@pytest.mark.parametrize(
    "local",
    [
        *(
            "info",
            "kontakt",
            "contact",
            "sales",
            "vertrieb",
            "ventas",
            "vendite",
            "verkoop",
            "salg",
        ),
        *("support", "kundenservice", "kundeservice", "klantenservice", "assistenza", "sav"),
        *("buchhaltung", "compta", "facturacion", "fatture", "hr", "bewerbung", "rrhh", "presse"),
        *("noreply", "no-reply", "no_reply", "do.not.reply", "mailer-daemon", "notifications"),
        *("bounce", "bounces+a=b", "bounces-12", "unsubscribe-77", "postmaster", "abuse", "root"),
        *("uksales", "salesuk", "sales-emea", "emea.sales", "info.de", "infode", "sales_us"),
        *("contact-us", "customer.service", "it-support", "hr-team", "jobs2", "SALES", "it", "ceo"),
    ],
)
def test_a_function_is_a_role(local: str) -> None:
    assert is_role(local)


@pytest.mark.parametrize(
    "local",
    [
        *("sarah.chen", "schen", "sarah", "s.chen", "steve.jobs", "dev.patel", "maria.post"),
        *("mailin", "mediano", "wendy.west", "it.crowd", "anna-sales-meyer", "kim", "x7f3q"),
        *("notaro", "nora", "bouncer", "infanti", "salesky", "presser", "frit", "eshi"),
    ],
)
def test_a_person_is_no_role(local: str) -> None:
    assert not is_role(local)


@pytest.mark.parametrize(
    ("email", "kind"),
    [
        ("sarah@gmail.com", "free_mail"),
        ("sarah@mail.gmail.com", "free_mail"),
        ("sarah@tutanota.com", "free_mail"),
        ("x1@privaterelay.appleid.com", "free_mail"),
        ("sarah@appleid.com", "company"),
        ("sarah@facebook.com", "company"),
        ("sarah@acme.example", "company"),
        ("info@gmail.com", "role"),
        ("info@acme.example", "role"),
    ],
)
def test_the_class_of_a_mailbox(email: str, kind: str) -> None:
    assert address_class(email).value == kind


@pytest.mark.parametrize("domain", ["hey.com", "gmx.de", "orange.fr", "docomo.ne.jp", "GMAIL.com"])
def test_free_mail_is_known_beyond_the_package(domain: str) -> None:
    assert is_free_mail(domain)


@pytest.mark.parametrize(
    ("domain", "disposable"),
    [
        ("mailinator.com", True),
        ("eu.mailinator.com", True),
        ("TempMail.plus", True),
        ("gmail.com", False),
        ("example.com", False),
        ("com", False),
        ("", False),
    ],
)
def test_throw_away_hosts_are_known_with_their_sub_domains(domain: str, disposable: bool) -> None:
    assert is_disposable(domain) is disposable


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("EXAMPLE.com.", "example.com"),
        ("my_host.example.com", "example.com"),
        ("m\u00fcnchen.de", "xn--mnchen-3ya.de"),
        ("www.xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("\uff21\uff23\uff2d\uff25.example", "acme.example"),
        ("acme.github.io", "acme.github.io"),
        ("x.city.kawasaki.jp", "city.kawasaki.jp"),
        ("mail.acme.example", "acme.example"),
        ("example", None),
        ("co.uk", None),
        ("github.io", None),
        ("com", None),
        ("192.0.2.7", None),
        ("[2001:db8::1]", None),
        ("acme.cmo", None),
        ("acme.local", None),
        ("acme.internal", None),
        ("my_company.com", None),
        ("-acme.com", None),
        ("a..com", None),
        ("xn--zzzzzz.com", None),
        (f"{'a' * 64}.com", None),
        (f"{'a.' * 130}com", None),
        ("two words.com", None),
        ("", None),
    ],
)
def test_what_somebody_registered(host: str, domain: str | None) -> None:
    assert registrable(host) == domain


def test_a_host_name_has_one_form() -> None:
    assert canonical_host("WWW.Stra\u00dfe.de.") == "www.xn--strae-oqa.de"
    assert canonical_host("a b") is None
    assert has_known_ending("acme.example")
    assert not has_known_ending("acme.test")
    assert is_ip_address("[::1]")
    assert not is_ip_address("1.example")


@pytest.mark.parametrize(
    ("email", "key"),
    [
        ("Sarah.Chen+a+b@Example.com", "sarah.chen@example.com"),
        ("s.a.r.a.h+x@googlemail.com", "sarah@gmail.com"),
        ("sarah.chen@fastmail.com", "sarah.chen@fastmail.com"),
        ("+sarah@example.com", "+sarah@example.com"),
    ],
)
def test_a_mailbox_has_one_key(email: str, key: str) -> None:
    assert mailbox_key(email) == key


def test_only_sandbox_addresses_choose_an_outcome() -> None:
    assert sandbox_branch("Stale+2@mail.acme.example") == "stale"
    assert sandbox_branch("sarah@acme.example") is None
    assert sandbox_branch("error@acme.com") is None


@pytest.mark.parametrize(
    ("url", "identifier"),
    [
        ("https://www.linkedin.com/in/sarah-chen", "in/sarah-chen"),
        ("https://www.linkedin.com/IN/Sarah-Chen/details/skills/?a=b#c", "in/sarah-chen"),
        ("/in/%E7%8E%8B%E4%BC%9F", "in/\u738b\u4f1f"),
        ("company/ben-&-co", "company/ben-&-co"),
        ("https://www.linkedin.com/company-beta/123", "company/123"),
        ("https://www.linkedin.com/school/acme", "company/acme"),
        ("https://www.linkedin.com/pub/sarah-chen", "in/sarah-chen"),
        ("https://www.linkedin.com/pub/sarah-chen/1a/2b3/45", "in/sarah-chen-0452b31a"),
        ("https://www.linkedin.com/in/ACoAABCdef", "in/ACoAABCdef"),
        ("https://www.linkedin.com/in/", None),
        ("https://www.linkedin.com/in/a%2Fb", None),
        ("https://www.linkedin.com/in/a%00b", None),
        ("https://www.linkedin.com/in/...", None),
        ("https://www.linkedin.com/jobs/view/1", None),
        ("https://www.linkedin.com/posts/sarah-chen_1", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_a_public_profile_has_one_identifier(url: str, identifier: str | None) -> None:
    assert linkedin_id(url) == identifier


def test_linkedin_is_linkedin_in_every_country_and_nobody_else_is() -> None:
    assert is_linkedin_host("linkedin.com")
    assert is_linkedin_host("UK.LinkedIn.com.")
    assert not is_linkedin_host("notlinkedin.com")
    assert not is_linkedin_host("linkedin.com.evil.example")
