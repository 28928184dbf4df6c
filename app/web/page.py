"""One page of a site, parsed once: its lines of text, links, meta values and loaded resources."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from app.web.text import tidy, wordset

MAX_CHARS = 1_500_000  # of markup given to the parser
MAX_TAGS = 100_000
MAX_NESTED = 1_000  # elements inside each other
MAX_FORMATTING = 24  # unclosed bold, font and the like
MAX_ATTRIBUTES = 250  # of one element
MAX_LINKS = 2_000
MAX_TITLE_CHARS = 300
MAX_LINES = 6_000
MAX_LINE_CHARS = 2_000
MAX_SCRIPT_CHARS = 200_000  # inline scripts kept for tool fingerprints
MAX_BLOCK_CHARS = 300_000  # one JSON-LD block

UNSHOWN = wordset("script style noscript svg template head iframe select")
INLINE = wordset(
    "a abbr acronym b bdi big cite code em font i img ins kbd label mark nobr picture q s small"
    " span strong sub sup time tt u var wbr"
)
HEADINGS = {f"h{level}": level for level in range(1, 7)}
QUOTES = frozenset({"blockquote", "q"})


class Part(StrEnum):
    """The part of a page where a line stands."""

    main = "main"
    nav = "nav"
    footer = "footer"


PARTS = {"nav": Part.nav, "header": Part.nav, "footer": Part.footer}
_NAMED_PART = re.compile(
    r"(?<!\S)(?:site|page|main|global|top)?[-_]?(footer|navbar|nav|navigation|menu)"
    r"(?:[-_](?:main|primary|wrapper|container|bar|area|content))?(?!\S)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line as a reader sees it; `heading` is 1..6 or 0, `linked` means it is all one link."""

    text: str
    heading: int = 0
    part: Part = Part.main
    quoted: bool = False
    linked: bool = False
    hrefs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """One link: absolute address, its text (or its picture's), its part, the line it stands at."""

    url: str
    text: str
    part: Part = Part.main
    at_line: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What was read at `url` (the last one after redirects) at `at`."""

    url: str
    at: datetime
    title: str = ""
    lang: str = ""
    metas: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    links: tuple[Link, ...] = ()
    raw_blocks: tuple[str, ...] = ()  # JSON-LD as written
    resources: tuple[str, ...] = ()  # what the page loads: script, style, frame, image
    scripts: str = ""  # inline code, lower case
    logo_texts: tuple[str, ...] = ()
    canonical: str = ""
    feeds: tuple[str, ...] = ()
    refresh: str = ""  # target of a meta refresh within 5 s

    @property
    def host(self) -> str:
        """Return the host the page was read from."""
        return (urlsplit(self.url).hostname or "").lower()

    @property
    def path(self) -> str:
        """Return the path, lower case."""
        return urlsplit(self.url).path.lower()

    @property
    def words(self) -> int:
        """Return how many words a reader sees outside of menus."""
        return sum(len(line.text.split()) for line in self.lines if line.part is not Part.nav)

    def headings(self) -> Iterator[str]:
        """Yield the headings in order."""
        return (line.text for line in self.lines if line.heading)


def read_page(body: bytes, content_type: str, url: str, at: datetime) -> Page:
    """Parse the body of an answer. Broken mark-up gives what can be read of it."""
    tree = LexborHTMLParser(_tamed(decoded(body, content_type)[:MAX_CHARS]))
    base = _base(tree, url)
    walk = _Walk(base)
    if tree.body is not None:
        walk.through(tree.body)
    scripts = tree.css("script")
    return Page(
        url=url,
        at=at,
        title=tidy(title.text())[:MAX_TITLE_CHARS]
        if (title := tree.css_first("head title"))
        else "",
        lang=_lang(tree),
        metas=_metas(tree),
        lines=tuple(walk.lines[:MAX_LINES]),
        links=tuple(walk.links),
        raw_blocks=tuple(_blocks(scripts)),
        resources=tuple(_resources(tree, base)),
        scripts=_inline(scripts),
        logo_texts=tuple(_logo_texts(tree)),
        canonical=_head_link(tree, base, "link[rel=canonical]"),
        feeds=tuple(_feeds(tree, base)),
        refresh=_refresh(tree, base),
    )


_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)


def decoded(body: bytes, content_type: str) -> str:
    """Decode by the declared charset, then UTF-8, then cp1252."""
    head = body[:2_048].decode("ascii", "ignore")
    declared = _CHARSET.search(content_type) or _CHARSET.search(head)
    for charset in (declared.group(1) if declared else "utf-8", "utf-8"):
        try:
            text = body.decode(charset).removeprefix("\ufeff")
            text.encode()  # some codecs give half characters, which nothing can keep
            return text
        except (LookupError, UnicodeError):
            continue
    return body.decode("cp1252", "replace")


_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_ATTRIBUTE = r"""(?>[\s/]*[^\s/>][^\s/>=]*(?>\s*=\s*(?>"[^"]*"|'[^']*'|[^\s>]+))?)"""
_CROWDED = re.compile(f"{_ATTRIBUTE}{{{MAX_ATTRIBUTES}}}")
_END = {
    name: re.compile(f"</{name}(?![a-z])", re.IGNORECASE | re.ASCII) for name in ("script", "style")
}
_NESTING = wordset(
    "article aside blockquote center dd details div dl dt figure footer form header main nav ol"
    " section span table ul"
)
_FORMATTING = wordset("b big code em font i nobr s small strike strong tt u")


def _tamed(text: str) -> str:
    """Cut mark-up where it would cost the parser quadratic time or memory.

    It takes 3 s for 60,000 nested elements and 19 s for 150,000 attributes of one, and every
    paragraph below n unclosed formatting elements opens all of them again (measured 2026-11-21).
    """
    nested = formatting = tags = at = 0
    while match := _TAG.search(text, at):
        at = match.end()
        name, step, tags = match[2].lower(), -1 if match[1] else 1, tags + 1
        if _CROWDED.match(text, at):
            return text[: match.start()]
        if name in _END and step > 0:
            ended = _END[name].search(text, at)
            if ended is None:
                return text
            at = ended.start()
        nested = max(0, nested + step) if name in _NESTING else nested
        formatting = max(0, formatting + step) if name in _FORMATTING else formatting
        if nested > MAX_NESTED or formatting > MAX_FORMATTING or tags > MAX_TAGS:
            return text[: match.start()]
    return text


@dataclass(slots=True)
class _Frame:
    """What holds for the nodes below one element."""

    part: Part = Part.main
    heading: int = 0
    quoted: bool = False
    href: str = ""


@dataclass(slots=True)
class _Walk:
    """One pass over the body: collects lines and links in reading order."""

    base: str
    lines: list[Line] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    _pieces: list[tuple[str, str]] = field(default_factory=list)  # text, href of its link
    _frame: _Frame = field(default_factory=_Frame)

    def through(self, body: LexborNode) -> None:
        stack: list[tuple[LexborNode | None, _Frame]] = [(body, _Frame())]
        while stack:
            node, frame = stack.pop()
            if node is None:  # the end of a block
                self._end_line()
                self._frame = frame
                continue
            tag = node.tag or ""
            if tag == "-text":
                self._pieces.append((node.text_content or "", frame.href))
            elif tag[:1] not in {"", "-", "!"} and tag not in UNSHOWN:
                self._open(node, tag, frame, stack)
        self._end_line()

    def _open(
        self,
        node: LexborNode,
        tag: str,
        frame: _Frame,
        stack: list[tuple[LexborNode | None, _Frame]],
    ) -> None:
        attributes = node.attributes
        inner = self._inner(tag, attributes, frame)
        if tag not in INLINE:
            self._end_line()
            self._frame = inner
            stack.append((None, frame))
        if inner.href and inner.href is not frame.href and len(self.links) < MAX_LINKS:
            link = Link(inner.href, _link_text(node), inner.part, len(self.lines))
            self.links.append(link)
        child = node.last_child
        while child is not None:
            stack.append((child, inner))
            child = child.prev

    def _inner(self, tag: str, attributes: dict[str, str | None], frame: _Frame) -> _Frame:
        href = attributes.get("href") if tag == "a" else None
        return _Frame(
            part=_part(tag, attributes, frame.part),
            heading=HEADINGS.get(tag, frame.heading),
            quoted=frame.quoted or tag in QUOTES,
            href=_absolute(self.base, href) if href else frame.href,
        )

    def _end_line(self) -> None:
        pieces, self._pieces = self._pieces, []
        text = tidy("".join(piece for piece, _ in pieces))[:MAX_LINE_CHARS]
        if not text:
            return
        said = [href for piece, href in pieces if piece.strip()]
        self.lines.append(
            Line(
                text=text,
                heading=self._frame.heading,
                part=self._frame.part,
                quoted=self._frame.quoted,
                linked=all(said),
                hrefs=tuple(dict.fromkeys(href for href in said if href)),
            )
        )


def _part(tag: str, attributes: dict[str, str | None], outer: Part) -> Part:
    if outer is not Part.main:
        return outer
    if tag in PARTS:
        return PARTS[tag]
    if attributes.get("role") in {"navigation", "contentinfo"}:
        return Part.nav if attributes["role"] == "navigation" else Part.footer
    if tag in {"body", "main", "a", "span"}:
        return outer
    named = _NAMED_PART.search(f"{attributes.get('id') or ''} {attributes.get('class') or ''}")
    if named is None:
        return outer
    return Part.footer if named.group(1).lower() == "footer" else Part.nav


def _absolute(base: str, href: str) -> str:
    try:
        return urljoin(base, href.strip())
    except ValueError:
        return ""


def _link_text(node: LexborNode) -> str:
    text = tidy(node.text())[:300]
    if text:
        return text
    image = node.css_first("img[alt]")
    label = node.attributes.get("aria-label") or node.attributes.get("title")
    return tidy((image.attributes.get("alt") if image else label) or "")[:300]


def _base(tree: LexborHTMLParser, url: str) -> str:
    node = tree.css_first("base[href]")
    base = _absolute(url, node.attributes.get("href") or "") if node else url
    return base if base.startswith("http") else url


def _lang(tree: LexborHTMLParser) -> str:
    node = tree.css_first("html")
    return ((node.attributes.get("lang") if node else "") or "").lower()[:10]


def _metas(tree: LexborHTMLParser) -> dict[str, str]:
    """Return meta values by lower-case name or property; the first one wins."""
    found: dict[str, str] = {}
    for node in tree.css("meta[content]"):
        named = node.attributes
        name = (named.get("property") or named.get("name") or named.get("itemprop") or "").lower()
        content = tidy(named.get("content") or "")
        if name and content:
            found.setdefault(name, content[:MAX_LINE_CHARS])
    return found


def _blocks(scripts: list[LexborNode]) -> Iterator[str]:
    for node in scripts:
        if "ld+json" in (node.attributes.get("type") or "").lower():
            text = node.text()
            if 0 < len(text) <= MAX_BLOCK_CHARS:
                yield text


def _inline(scripts: list[LexborNode]) -> str:
    code = (node.text() for node in scripts if "src" not in node.attributes)
    return "\n".join(code)[:MAX_SCRIPT_CHARS].lower()


def _resources(tree: LexborHTMLParser, base: str) -> Iterator[str]:
    """Yield what the page loads; links a reader follows (`a href`) say nothing about tools."""
    for node in tree.css(
        "script[src], iframe[src], img[src], source[src], link[href], form[action]"
    ):
        named = node.attributes
        address = named.get("src") or named.get("href") or named.get("action")
        if address and not address.startswith("data:") and named.get("rel") != "canonical":
            yield _absolute(base, address).lower()[:1_000]


def _logo_texts(tree: LexborHTMLParser) -> Iterator[str]:
    for node in tree.css("img[alt]"):
        named = node.attributes
        where = f"{named.get('class') or ''} {named.get('id') or ''} {named.get('src') or ''}"
        alt = tidy(named.get("alt") or "")
        if alt and len(alt) <= 80 and ("logo" in where.lower() or "logo" in alt.lower()):
            yield alt


def _head_link(tree: LexborHTMLParser, base: str, query: str) -> str:
    node = tree.css_first(query)
    return _absolute(base, node.attributes.get("href") or "") if node else ""


def _feeds(tree: LexborHTMLParser, base: str) -> Iterator[str]:
    for node in tree.css("link[rel=alternate][href]"):
        kind = (node.attributes.get("type") or "").lower()
        if "rss" in kind or "atom" in kind:
            yield _absolute(base, node.attributes.get("href") or "")


_REFRESH = re.compile(r"^\s*([0-5])(?:\.\d+)?\s*[;,]\s*url\s*=\s*[\"']?([^\"']+)", re.IGNORECASE)


def _refresh(tree: LexborHTMLParser, base: str) -> str:
    for node in tree.css("meta[http-equiv][content]"):
        if (node.attributes.get("http-equiv") or "").lower() == "refresh":
            target = _REFRESH.match(node.attributes.get("content") or "")
            if target:
                return _absolute(base, target.group(2))
    return ""
