"""The guard: every spelling of a private address, and what an operator may allow."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Blocked
from app.guard import Allow, address_ok, judge_callback, judge_url, literal, may_dial

NOBODY = Allow()

# facts/crm.md section 10.1, each range by one or more of its members
PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 127.0.0.1 127.255.255.254
168.63.129.16 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1
192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1
239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1
::ffff:7f00:1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
64:ff9b:1::1 100::1
2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe:: 3fff::1
5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1
"""

PUBLIC = """
8.8.8.8 93.184.215.14 100.63.255.255 172.15.255.255 172.32.0.1 192.0.1.1 198.17.255.255
2606:4700:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808
"""

NO_ADDRESSES = ["", "site.example", "127.1", "0x7f000001", "2130706433", "1.2.3.4.5", "::1::"]

LOOPBACK_URLS = [
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0X7F.0.0.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://①②⑦.0.0.1/",
    "http://１２７。０。０。１/",  # noqa: RUF001 - full-width digits and dots are the point
    "http://127\u30020\u30020\u30021/",
    "http://0/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://ｌｏｃａｌｈｏｓｔ/",  # noqa: RUF001
    "http://db.localhost/",
    "http://printer.local/",
    "http://metadata.google.internal/",
]

MALFORMED_URLS = [
    "",
    "site.example",
    "//site.example/",
    "http://",
    "http:///path",
    "ftp://site.example/",
    "file:///etc/passwd",
    "gopher://site.example/",
    "dns:site.example",
    "http://user@site.example/",
    "http://user:secret@site.example/",
    "http://site.example@127.0.0.1/",
    "http://@site.example/",
    "http://site.example\\@127.0.0.1/",
    "http://site.example /",
    "http://site.example/\r\nHost: other.example",
    "http://site.ex\tample/",
    "http://%31%32%37.0.0.1/",
    "http://[fe80::1%25eth0]/",
    "http://[::1/",
    "http://site.example:99999/",
    "http://site.example:port/",
    "http://a..example/",
    f"http://{'a' * 64}.example/",
    f"https://site.example/{'a' * 2048}",
]


@pytest.mark.parametrize("address", PRIVATE.split())
def test_no_private_or_special_address_may_be_dialled(address: str) -> None:
    assert not address_ok(address, NOBODY)
    assert not may_dial(address, 443, NOBODY)


@pytest.mark.parametrize("address", PUBLIC.split())
def test_a_public_address_may_be_dialled_on_the_ports_of_the_web(address: str) -> None:
    assert address_ok(address, NOBODY)
    assert all(may_dial(address, port, NOBODY) for port in (80, 443, 8443))
    assert not any(may_dial(address, port, NOBODY) for port in (0, 22, 25, 6379, 8080))


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address_is_refused_not_guessed(text: str) -> None:
    assert not address_ok(text, NOBODY)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_as_what_it_is(inner: IPv4Address) -> None:
    mapped = IPv6Address((0xFFFF << 32) | int(inner))
    by_nat64 = IPv6Address((0x64FF9B << 96) | int(inner))
    assert address_ok(mapped, NOBODY) == address_ok(by_nat64, NOBODY) == address_ok(inner, NOBODY)


@given(st.ip_addresses(v=4))
def test_every_spelling_of_an_address_is_recognised(address: IPv4Address) -> None:
    a, b, c, d = address.packed
    spelled = [f"{int(address)}", f"{int(address):#x}", f"{int(address):#o}".replace("0o", "0")]
    spelled += [f"{a:#x}.{(b << 16) | (c << 8) | d}", f"{a}.{b}.{(c << 8) | d:#x}", str(address)]
    assert {literal(text) for text in spelled} == {address}


@pytest.mark.parametrize("url", LOOPBACK_URLS)
def test_a_url_to_this_machine_is_refused_in_every_spelling(url: str) -> None:
    with pytest.raises(Blocked):
        judge_url(url, NOBODY)


@pytest.mark.parametrize("address", [one for one in PRIVATE.split() if "%" not in one])
def test_a_url_with_a_private_address_is_refused(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(Blocked):
        judge_url(f"https://{host}/hook", NOBODY)


@pytest.mark.parametrize("url", MALFORMED_URLS)
def test_a_url_that_could_be_read_two_ways_is_refused(url: str) -> None:
    with pytest.raises(Blocked):
        judge_url(url, NOBODY)


@pytest.mark.parametrize(
    "url",
    [
        "https://site.example/",
        "http://site.example",
        "HTTPS://Site.Example:8443/a?b=c#d",
        "https://bücher.example/über",
        "https://under_score.example/",
        "https://site.example./",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://1password.example/",
        "https://localhost.example/",
    ],
)
def test_an_ordinary_url_passes(url: str) -> None:
    judge_url(url, NOBODY)


@pytest.mark.parametrize("port", [0, 22, 25, 81, 6379, 8080, 65535])
def test_only_the_ports_of_the_web_may_be_named(port: int) -> None:
    with pytest.raises(Blocked):
        judge_url(f"http://site.example:{port}/", NOBODY)


def test_a_refusal_does_not_repeat_the_url() -> None:
    with pytest.raises(Blocked) as told:
        judge_url("http://sarah:secret@10.0.0.1/?email=sarah@acme.example", NOBODY)
    assert not any(word in str(told.value) for word in ("sarah", "secret", "10.0.0.1"))


def test_a_callback_must_not_have_a_fragment() -> None:
    judge_callback("https://site.example/hook?x=1", NOBODY)
    for url in ("https://site.example/hook#a", "https://site.example/hook#"):
        with pytest.raises(Blocked):
            judge_callback(url, NOBODY)
    with pytest.raises(Blocked):
        judge_callback("https://127.0.0.1/hook", NOBODY)


def test_an_allowed_network_may_be_dialled_on_any_port() -> None:
    allow = Allow.parse("10.1.0.0/16, fd00::/8")
    judge_url("http://10.1.2.3:9000/hook", allow)
    judge_url("http://[fd00::5]:9000/hook", allow)
    assert may_dial("10.1.2.3", 9000, allow)
    assert may_dial("::ffff:10.1.2.3", 9000, allow)
    assert not may_dial("10.2.0.1", 80, allow)
    assert not may_dial("8.8.8.8", 9000, allow)


def test_with_an_allowed_network_a_name_is_judged_by_its_address_alone() -> None:
    allow = Allow.parse("10.1.0.0/16")
    judge_url("http://crm.internal:9000/hook", allow)
    with pytest.raises(Blocked):
        judge_url("http://10.2.0.1/hook", allow)


def test_an_allowed_host_is_allowed_on_its_port_or_on_any() -> None:
    allow = Allow.parse(" crm.corp , Hooks.corp:9000, 127.0.0.1:8123, [::1]:8123,")
    for url in (
        "http://crm.corp:1/",
        "http://CRM.corp./",
        "http://hooks.corp:9000/",
        "http://127.0.0.1:8123/",
        "http://[::1]:8123/",
    ):
        judge_url(url, allow)
    for url in ("http://hooks.corp:9001/", "http://127.0.0.1:8124/", "http://127.1:8123/"):
        with pytest.raises(Blocked):
            judge_url(url, allow)


def test_an_allowed_host_does_not_excuse_a_user_name() -> None:
    with pytest.raises(Blocked):
        judge_url("http://crm.corp@10.0.0.1/", Allow.parse("crm.corp"))


def test_an_empty_list_allows_nothing() -> None:
    assert Allow.parse("") == Allow.parse(" , ") == NOBODY


@pytest.mark.parametrize("text", ["http://crm.corp", "crm.corp/x", "a@b", "host:port", "a b"])
def test_what_is_neither_network_nor_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a CIDR"):
        Allow.parse(text)
