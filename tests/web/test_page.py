import pytest

from app.web.page import MAX_LINKS, Part, decoded, read_page
from app.web.text import evidence
from tests.web.sites import NOW, page


def test_blocks_and_breaks_make_lines_and_inline_elements_do_not() -> None:
    read = page("<div>one <b>two</b> three<br>four<ul><li>five</li><li>six</li></ul>seven</div>")
    assert [line.text for line in read.lines][:5] == [
        "one two three",
        "four",
        "five",
        "six",
        "seven",
    ]


def test_code_styles_and_hidden_templates_are_not_text() -> None:
    read = page("<style>a{}</style><script>x()</script><template>t</template><p>seen</p>")
    assert read.lines[0].text == "seen"


def test_headings_quotes_menus_and_footers_are_known_as_such() -> None:
    read = page(
        "<nav><p>menu</p></nav><h2>Team <i>of us</i></h2><blockquote><p>great</p></blockquote>"
        '<div class="site-footer"><p>end</p></div><div class="card-footer"><p>card</p></div>'
    )
    by_text = {line.text: line for line in read.lines}
    assert by_text["menu"].part is Part.nav
    assert by_text["Team of us"].heading == 2
    assert by_text["great"].quoted
    assert by_text["end"].part is Part.footer
    assert by_text["card"].part is Part.main


def test_links_are_absolute_and_a_picture_speaks_for_itself() -> None:
    read = page('<a href="/team"><img alt="Our team"></a><p><a href="mailto:a@b.example">w</a></p>')
    assert [(link.url, link.text) for link in read.links] == [
        ("https://acmegears.example/team", "Our team"),
        ("mailto:a@b.example", "w"),
    ]


def test_what_readers_follow_is_not_what_the_page_loads() -> None:
    read = page('<a href="https://tool.example/x">x</a><script src="//cdn.example/y.js"></script>')
    assert read.resources == ("https://cdn.example/y.js",)


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("Zahnräder".encode("latin-1"), "text/html; charset=iso-8859-1", "Zahnräder"),
        ("Zahnräder".encode(), "text/html", "Zahnräder"),
        ("Zahnräder".encode("cp1252"), "text/html; charset=utf-8", "Zahnräder"),
        ("Zahnräder".encode(), "text/html; charset=no-such-charset", "Zahnräder"),
        ('<meta charset="latin-1">Räder'.encode("latin-1"), "", '<meta charset="latin-1">Räder'),
    ],
)
def test_text_is_decoded_as_declared_then_as_utf8_then_as_windows(
    body: bytes, kind: str, text: str
) -> None:
    assert decoded(body, kind) == text


def test_a_refresh_within_five_seconds_is_a_redirect() -> None:
    def target(content: str) -> str:
        return page("", head=f'<meta http-equiv="Refresh" content="{content}">').refresh

    assert target("0; url=/new/") == "https://acmegears.example/new/"
    assert target("3;URL='https://other.example/'") == "https://other.example/"
    assert target("600; url=/later") == ""


def test_hostile_pages_are_cut_and_not_crashed_on() -> None:
    deep = b"<p>first</p>" + b"<div>" * 200_000 + b"x"
    lines = read_page(deep, "text/html", "https://acmegears.example/", NOW).lines
    assert [line.text for line in lines] == ["first"]
    bold = b"".join(b"<b id=x%d>" % n for n in range(2_000)) + b"<p>x" * 100_000
    assert len(read_page(bold, "text/html", "https://acmegears.example/", NOW).lines) == 0
    many = b"<a href=/x>y</a>" * (MAX_LINKS + 500)
    assert len(read_page(many, "", "https://acmegears.example/", NOW).links) == MAX_LINKS
    odd = page('<a href="http://[::1">x</a><a href="//[bad">y</a><base href="::">')
    assert [link.url for link in odd.links] == []


def test_evidence_is_short_and_carries_neither_markup_nor_hidden_characters() -> None:
    quote = evidence("\u202eAcme <b onclick=x>Gears</b>\x00 " + "long " * 100)
    assert quote.startswith("Acme Gears long")
    assert len(quote) <= 200
    assert not set("<>\u202e\x00") & set(quote)
