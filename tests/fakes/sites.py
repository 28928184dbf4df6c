"""A forward proxy behind which a few fictional companies have their sites, over plain http."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

Pages = Mapping[str, str]  # path -> HTML


@dataclass
class Sites:
    """What there is by host and path, and what was asked for; every other host is a 502."""

    hosts: Mapping[str, Pages]
    asked: list[str] = field(default_factory=list)  # URLs, and `CONNECT host:port`

    def answer(self, url: str) -> tuple[int, str]:
        """Return status and HTML for a URL as a proxy gets it."""
        self.asked.append(url)
        parts = urlsplit(url)
        pages = self.hosts.get(parts.hostname or "")
        if pages is None:
            return 502, "no such host"
        found = pages.get(parts.path or "/")
        return (200, found) if found is not None else (404, "<h1>Not found</h1>")


@contextmanager
def proxied(sites: Sites) -> Iterator[str]:
    """Serve the sites on a free port of this machine; give the proxy's URL."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = sites.answer(self.path)
            body = text.encode()
            kind = "text/plain" if self.path.endswith(".txt") else "text/html; charset=utf-8"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_CONNECT(self) -> None:
            """Refuse: nobody here speaks https."""
            sites.asked.append(f"CONNECT {self.path}")
            self.send_error(502)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _page(title: str, body: str, *, head: str = "", path: str = "/") -> str:
    """Write a page of Quillon Gauges with its menu and foot."""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>{title}</title>{head}</head><body>
<header><nav><a href="/">Home</a> <a href="/products">Products</a> <a href="/about">About us</a>
<a href="/team">Leadership</a> <a href="/contact">Contact</a></nav></header>
<main data-path="{path}">{body}</main>
<footer><p>&copy; 2026 Quillon Gauges, Inc.</p>
<a href="https://www.linkedin.com/company/quillon-gauges-example">LinkedIn</a>
<a href="https://x.com/quillongauges">X</a>
<a href="https://github.com/quillon-gauges-example">GitHub</a></footer></body></html>"""


_ABOUT = """<h1>About Quillon Gauges</h1>
<p>Quillon Gauges was founded in 2012 in Duluth by two harbour pilots who wanted a tide gauge that
they could read from the bridge. Today the company makes tide and level gauges for ports, locks and
reservoirs, and looks after more than nine hundred of them from one small workshop by the water.</p>
<p>Every gauge is built, tested for a week in the basin behind the hall, and only then shipped with
its own log book. Whoever buys one gets the telephone number of the person who built it.</p>"""

_TEAM = """<h1>Our people</h1>
<section><h2>Leadership team</h2><ul>
<li><h3>Petra Quillon</h3><p>Chief Executive Officer</p></li>
<li><h3>Hamid Osei</h3><p>Chief Financial Officer</p></li>
<li><h3>Lotte Verbeek</h3><p>VP of Sales</p></li></ul></section>
<section><h2>Board of directors</h2><ul>
<li><h3>Sigrun Dahl</h3><p>Chair of the board</p></li>
<li><h3>Bruno Castell</h3><p>Board member</p></li></ul></section>
<p>We are a small crew and like it that way: everybody here has stood in the rain beside a gauge at
least once, and everybody answers the telephone. To join us, write to the hall.</p>"""

_CONTACT = """<h1>Contact</h1>
<p>Call our office in London at <a href="tel:+442079460142">+44 20 7946 0142</a>, or write to
<a href="mailto:you@example.com">you@example.com</a>. The hall is open from Monday to Friday,
and there is always somebody who can tell you how high the water stands in your harbour.</p>
<address>Quillon Gauges, Inc.<br>14 Breakwater Street<br>Duluth, MN 55802<br>United States</address>
"""

_HOME = """<h1>Tide gauges you can read from the bridge</h1>
<p>Quillon Gauges makes tide and level gauges for ports, locks and reservoirs. Our instruments tell
pilots, lock keepers and engineers how high the water stands, in fog and at night, without a cable
and without a subscription. Harbours around the Great Lakes have relied on them for years.</p>
<p>Ask for a gauge on loan: we bring it, fix it to your pier and take it away again if you do not
want to keep it. Most of them stay where they are.</p>"""

_SCHEMA = """<meta property="og:site_name" content="Quillon Gauges">
<meta name="description" content="Tide and level gauges for ports, locks and reservoirs.">
<script type="application/ld+json">{"@context": "https://schema.org", "@type": "Organization",
"name": "Quillon Gauges", "url": "http://example.com/"}</script>"""

QUILLON: Pages = {
    "/robots.txt": "User-agent: *\nDisallow: /products\n",
    "/": _page("Quillon Gauges | Tide gauges for ports", _HOME, head=_SCHEMA),
    "/products": _page("Products | Quillon Gauges", "<h1>Founded in 1801</h1>", path="/products"),
    "/about": _page("About us | Quillon Gauges", _ABOUT, path="/about"),
    "/team": _page("Leadership | Quillon Gauges", _TEAM, path="/team"),
    "/contact": _page("Contact | Quillon Gauges", _CONTACT, path="/contact"),
}
"""A company that tells who it is and who works there; robots.txt keeps its products to itself."""

SPARSE: Pages = {
    "/": """<!doctype html><html lang="en"><head><title>Brightwater Oars</title></head><body>
<h1>Brightwater Oars</h1><p>Brightwater Oars carves oars and paddles of ash and spruce, one at a
time, for rowing clubs and for people who keep a boat behind the house. Our shop has no counter and
no catalogue: tell us how tall you are and which water you row on, and we will find the right
length, the right blade and the right day to come and fetch it.</p></body></html>""",
}
"""A company with one page that names nobody."""


def fictional() -> Sites:
    """Return the sites; the hosts are reserved domains (RFC 2606)."""
    return Sites({"example.com": QUILLON, "example.org": SPARSE})
