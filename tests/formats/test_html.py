"""The view: exact text, every overlap shown, nothing executed, nothing fetched, no identified note by mistake."""

import itertools
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medtext
from medtext import Assertion, Candidate, Code, Note, Relation, Source, Span, Taxonomy
from medtext.errors import IdentifiedNoteError
from medtext.formats.stretches import LANES, stretches

HOSTILE = "<script>alert(1)</script> <!-- </div></mark> &lt; ' \" ` {{x}} \0 \x07 ]]>"


class Page(HTMLParser):
    """What a browser makes of a page: the text of each note, its marks, its cards, its elements."""

    VOID = ("meta", "input", "br", "link", "img")

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.cards, self.marks, self.tags, self.elements = [], [], [], [], [], []
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        names = (attrs.get("class") or "").split()
        self.elements.append((tag, attrs))
        if "text" in names:
            self.texts.append("")
        if "card" in names:
            self.cards.append("")
        if tag == "mark":
            self.marks.append((attrs, ""))
        if "tag" in names:
            self.tags.append(attrs["data-t"])
        if tag == "i":
            self.tags.append(attrs["data-t"])
        if tag not in self.VOID:
            self.open.append((tag, names))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        inside = {name for _, names in self.open for name in names}
        if "card" in inside:
            self.cards[-1] += data
        elif "text" in inside and "empty" not in inside:
            self.texts[-1] += data
            if any(tag == "mark" for tag, _ in self.open):
                self.marks[-1] = self.marks[-1][0], self.marks[-1][1] + data


def as_shown(text):
    """The text with control characters as visible signs."""
    return "".join("␡" if c == "\x7f" else chr(0x2400 + ord(c)) if c < " " and c not in "\t\n\r" else c for c in text)


def shown(note, **options):
    return Page(str(medtext.render(note, **options)))


@st.composite
def notes(draw):
    text = draw(st.text(st.sampled_from("ab <>&\"'\n\r\t\0\u2028é👩‍⚕️\u202e\x85"), min_size=1, max_size=40))
    spans = []
    for _ in range(draw(st.integers(0, 8))):
        cuts = sorted(draw(st.sets(st.integers(0, len(text)), min_size=2, max_size=6)))
        at = tuple(zip(cuts[::2], cuts[1::2], strict=False))
        layer = draw(st.sampled_from(["entity", "phi", "section", "sentence", "other"]))
        spans.append(Span(at, draw(st.sampled_from(["PROBLEM", "<b>", "DATE"])), layer=layer))
    return Note("n1", text, deidentified=True).add(spans)


@settings(max_examples=60, deadline=None)
@given(notes())
def test_the_text_of_the_page_is_the_text_of_the_note(note):
    (text,) = shown(note).texts
    assert text == as_shown(note.text)


def test_a_carriage_return_reaches_the_page_where_markup_would_lose_it():
    markup = str(medtext.render(Note("n1", "a\r\nb\rc", deidentified=True)))
    assert "a&#13;\nb&#13;c" in markup
    assert "\r" not in markup


@settings(max_examples=60, deadline=None)
@given(notes())
def test_spans_that_share_a_lane_share_no_text(note):
    lanes = {}
    for one in stretches(note, note.spans):
        for lane, (span, _) in one.drawn.items():
            lanes.setdefault(lane, {})[span.id] = span
    for held in lanes.values():
        spans = sorted(held.values(), key=lambda span: span.start)
        assert all(before.end <= after.start for before, after in itertools.pairwise(spans))


@settings(max_examples=60, deadline=None)
@given(notes())
def test_stretches_cover_the_text_once_and_name_exactly_what_covers_them(note):
    at = 0
    for one in stretches(note, note.spans):
        assert one.start == at < one.end
        at = one.end
        for offset in (one.start, one.end - 1):
            covering = {span.id for span in note.spans if any(start <= offset < end for start, end in span.at)}
            assert {span.id for span in one.covering} == covering
        assert [lane for lane in one.drawn if lane >= LANES] == []
        assert len({span.id for span, _ in one.drawn.values()}) == len(one.drawn)
    assert at == len(note.text)


def test_hostile_text_labels_codes_and_comments_stay_text(tmp_path):
    code = Code("SNOMED", "<img/src=x>")
    span = Span(
        ((0, 8),),
        "<b onclick=x>",
        codes=(code,),
        candidates=(Candidate(code, HOSTILE),),
        sources=(Source("rule:<i>@1"),),
        comment=HOSTILE,
    )
    note = Note("<u>n</u>", HOSTILE, deidentified=True, meta={"<s>": "<s>"}).add([span])
    medtext.write([note], tmp_path / "a.html", format="html")
    page = Page((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert not {"script", "img", "b onclick=x", "s"} & {tag for tag, _ in page.elements}
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert page.texts == [as_shown(HOSTILE)]


def test_the_page_fetches_nothing(tmp_path):
    medtext.write([Note("a", "x", deidentified=True)], tmp_path / "a.html", format="html")
    markup = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in markup
    assert not re.search(r"https?:|@import|url\(|<script|<link", markup)


def test_an_identified_note_is_refused_unless_allowed(tmp_path):
    note = Note("n1", "x")
    with pytest.raises(IdentifiedNoteError, match="'n1'"):
        medtext.render(note)
    with pytest.raises(IdentifiedNoteError, match="'n1'"):
        medtext.write([note], tmp_path / "a.html", format="html")
    assert "identified" in str(medtext.render(note, allow_phi=True))


def test_a_card_tells_label_assertion_codes_candidates_sources_and_relations():
    note = Note("n1", "fever 10 mg", deidentified=True)
    codes = Code("SNOMED", "386661006"), Code("ICD10CM", "R50.9"), Code("ICD10CM", "R50.2")
    displays = "Fever", "Fever, unspecified", "Drug induced fever"
    fever = Span(
        ((0, 5),),
        "PROBLEM",
        assertion=Assertion("absent", "past", "family"),
        codes=codes[:2],
        candidates=tuple(Candidate(one, text, score=0.5) for one, text in zip(codes, displays, strict=True)),
        score=0.97,
        sources=(Source("dictionary:starter@1"),),
    )
    note = note.add([fever, Span(((6, 11),), "DOSE")])
    page = shown(note.add(relations=[Relation("dose_of", "e2", "e1")]))
    assert len(page.cards) == 2
    for told in (
        "PROBLEM fever",
        "absent · past · family",
        "SNOMED:386661006 Fever",
        "ICD10CM:R50.9 Fever, unspecified",
        "ICD10CM:R50.2 Drug induced fever · 0.50",
        "has dose → 10 mg",
        "e1 · entity · dictionary:starter@1 · 0.97",
    ):
        assert told in page.cards[0]
    assert "dose of → fever" in page.cards[1]


@pytest.mark.parametrize(
    ("assertion", "badges"),
    [
        (Assertion("present", "current", "patient"), []),
        (None, []),
        (Assertion("absent"), ["absent"]),
        (Assertion("possible", "hypothetical"), ["possible", "hypothetical"]),
        (Assertion("present", "past", "family"), ["past", "family"]),
    ],
)
def test_badges_tell_what_is_not_a_present_finding_of_the_patient(assertion, badges):
    note = Note("n1", "fever", deidentified=True).add([Span(((0, 5),), "PROBLEM", assertion=assertion)])
    page = shown(note)
    assert page.tags == ["PROBLEM", *badges]
    assert ("muted" in page.marks[0][0]["class"]) == ("absent" in badges)


def test_a_discontinuous_span_is_joined_across_its_gap():
    note = Note("n1", "left and right arm", deidentified=True).add([Span(((0, 4), (15, 18)), "ANATOMY")])
    (_, first), (gap, between), (_, last) = shown(note).marks
    assert (first, between, last) == ("left", " and right ", "arm")
    assert "--g0:transparent" in gap["style"]
    assert "--c" not in gap["style"]


def test_replaced_identifiers_look_replaced_and_are_labelled_once():
    spans = [Span(((0, 8),), "NAME", layer="phi"), Span(((9, 12),), "AGE", layer="phi")]
    page = shown(Note("n1", "[NAME-1] 90+", deidentified=True).add(spans))
    assert all("phi" in attrs["class"].split() for attrs, _ in page.marks)
    assert page.tags == ["AGE"]


def test_sections_show_their_title_and_their_heading():
    section = Span(((0, 11),), "plan", layer="section", x={"heading": [0, 5]})
    markup = str(medtext.render(Note("n1", "PLAN: rest.", deidentified=True).add([section])))
    assert '<span class="heading">PLAN:</span> rest.' in markup
    assert 'class="section" data-t="' in markup


def test_the_legend_counts_and_colours_by_the_taxonomy():
    note = Note("n1", "fever fever odd", deidentified=True)
    note = note.add([Span(((0, 5),), "PROBLEM"), Span(((6, 11),), "PROBLEM"), Span(((12, 15),), "STRANGE")])
    markup = str(medtext.render(note))
    colour = Taxonomy.load("clinical").labels["PROBLEM"].colour
    assert f'<label style="--c:{colour}"><input type="checkbox" class="c0" checked>' in markup
    assert '<span title="PROBLEM">Problem</span><em>2</em>' in markup
    assert '<span title="STRANGE">STRANGE</span><em>1</em>' in markup


def test_many_notes_are_listed_with_links_that_lead_to_them(tmp_path):
    medtext.write(
        [Note(f"n{number}", "x", deidentified=True) for number in range(30)], tmp_path / "a.html", format="html"
    )
    page = Page((tmp_path / "a.html").read_text(encoding="utf-8"))
    links = {attrs["href"] for tag, attrs in page.elements if tag == "a"}
    assert links == {f"#{attrs['id']}" for _, attrs in page.elements if "id" in attrs}
    assert len(links) == 31


def test_two_views_in_one_notebook_do_not_share_a_switch():
    one, two = (str(medtext.render(Note("n1", text, deidentified=True))) for text in ("a", "b"))
    scopes = [re.search(r'class="medtext (v\w+)"', view)[1] for view in (one, two)]
    assert scopes[0] != scopes[1]


def test_an_empty_note_says_so():
    assert "This note is empty." in str(medtext.render(Note("n1", "", deidentified=True)))


def test_the_same_notes_give_the_same_bytes_and_no_repr_shows_text():
    view = medtext.render(Note("n1", "Zebulon", deidentified=True))
    assert view == medtext.render(Note("n1", "Zebulon", deidentified=True))
    assert view._repr_html_() == str(view)
    assert "Zebulon" not in repr(view)


def test_a_note_of_five_megabytes_with_many_spans_is_drawn():
    text = "fever and cough, " * 300_000
    spans = [Span(((17 * number, 17 * number + 5),), "PROBLEM", id=f"e{number}") for number in range(0, 300_000, 30)]
    (shown_text,) = shown(Note("n1", text, deidentified=True, spans=tuple(spans))).texts
    assert shown_text == text
