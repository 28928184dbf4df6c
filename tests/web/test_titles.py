import pytest

from app.web.titles import RANKS, SENIORITIES, function, is_title, rank, seniority


@pytest.mark.parametrize(
    ("title", "level", "place"),
    [
        ("Founder & CEO", "owner", 100),
        ("Inhaberin", "owner", 100),
        ("Chief Executive Officer", "c_suite", 100),
        ("Chief Revenue Officer", "c_suite", 90),
        ("CTO", "c_suite", 90),
        ("General Counsel & Secretary", "c_suite", 90),
        ("President", "president", 85),
        ("Geschäftsführerin", "president", 85),
        ("Directrice générale", "president", 85),
        ("Administrerende direktør", "president", 85),
        ("Executive Vice President, Sales", "vp", 75),
        ("VP Engineering", "vp", 70),
        ("Head of Marketing", "head", 60),
        ("Leiter Vertrieb", "head", 60),
        ("Salgschef", "head", 60),
        ("Director of Support", "director", 60),
        ("Prokurist", "director", 60),
        ("Account Manager", "manager", 40),
        ("Teamleiterin Kundendienst", "manager", 40),
        ("Software Engineer", "staff", 20),
        ("Product Owner", "staff", 20),
        ("Executive Assistant to the CEO", "staff", 20),
        ("Chief of Staff", "head", 60),
        ("Chief Architect", "staff", 20),
    ],
)
def test_a_title_says_how_senior_somebody_is(title: str, level: str, place: int) -> None:
    assert seniority(title) == level
    assert rank(title) == place


def test_the_words_for_seniority_are_ranked_in_their_order() -> None:
    assert set(RANKS) == set(SENIORITIES)
    ranks = [rank(word) for word in SENIORITIES]
    assert ranks == sorted(ranks, reverse=True)
    assert seniority(" ") is None
    assert rank("") == 0


@pytest.mark.parametrize(
    ("title", "what"),
    [
        ("Sales Engineer", "presales"),
        ("Vertriebsleitung", "sales"),
        ("VP Customer Success", "customer_success"),
        ("Chief Marketing Officer", "marketing"),
        ("Head of Product", "product"),
        ("CISO", "security"),
        ("Data Scientist", "data"),
        ("SRE Lead", "infrastructure"),
        ("Softwareentwickler", "engineering"),
        ("CFO", "finance"),
        ("Chief People Officer", "people"),
        ("Legal Counsel", "legal"),
        ("COO", "operations"),
        ("Geschäftsführer", "leadership"),
        ("Fellow", None),
    ],
)
def test_a_title_names_its_function(title: str, what: str | None) -> None:
    assert function(title) == what


@pytest.mark.parametrize(
    "line",
    [
        "Our director wrote a book about gears.",
        "Executive Leadership",
        "Management Team",
        "read the manager's guide",
        "© 2026 Acme Gears, Partner Program",
        "",
        "We are looking for a manager who likes gears and clocks and has a sense for both of them",
    ],
)
def test_sentences_and_headings_are_no_titles(line: str) -> None:
    assert not is_title(line)
