"""spaCy's DocBin."""

import pytest
import spacy
from hypothesis import given, settings
from spacy.tokens import DocBin, Span

import medtext
from medtext import Note
from medtext.errors import FormatError, Problem
from medtext.formats.docbin import FORMAT
from tests.formats.roundtrip import again, example, law
from tests.laws import batches


@settings(max_examples=15, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes(tmp_path_factory, notes):
    law(FORMAT, notes, again(FORMAT, notes, tmp_path_factory.mktemp("docbin")))


def test_a_span_that_ends_in_a_blank_which_is_part_of_no_token_is_exact(tmp_path):
    note = Note("n1", "No fever now").add([medtext.Span(((3, 9),), "PROBLEM"), medtext.Span(((4, 6),), "PART")])
    assert again(FORMAT, [note], tmp_path) == [note]


def docs(path):
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def rewritten(path, found) -> list:
    DocBin(docs=found, store_user_data=True).to_disk(path)
    return list(FORMAT.read(path))


def test_trainers_find_groups_and_the_longest_entities(tmp_path):
    FORMAT.write([example()], tmp_path / "n.spacy")
    (doc,) = docs(tmp_path / "n.spacy")
    assert next(ent.text for ent in doc.ents) == "chest pain"
    assert sorted(span.id_ for span in doc.spans["entity"]) == ["e1", "e2", "e4"]
    assert doc.spans["phi"][0].label_ == "PATIENT"


def test_what_was_changed_in_spacy_wins(tmp_path):
    FORMAT.write([example()], tmp_path / "n.spacy")
    (doc,) = docs(tmp_path / "n.spacy")
    kept = [span for span in doc.spans["entity"] if span.id_ != "e2"]
    doc.spans["entity"] = [*kept, Span(doc, len(doc) - 1, len(doc), "CUE")]
    doc.spans["phi"] = [Span(doc, 0, 2, "NAME", span_id="p1")]
    (note,) = rewritten(tmp_path / "again.spacy", [doc])
    assert "e2" not in [span.id for span in note.spans]
    assert note.span("e1").codes == example().span("e1").codes
    assert note.span("p1").label == "NAME"
    assert [(span.status, span.layer) for span in note.spans if span.label == "CUE"] == [("added", "entity")]
    assert note.span("e3").status == "rejected"


def test_docs_of_others_are_read(tmp_path):
    doc = spacy.blank("en")("No chest pain today.")
    doc.ents = [Span(doc, 1, 3, "PROBLEM")]
    doc.spans["sc"] = [Span(doc, 1, 3, "PROBLEM"), Span(doc, 3, 4, "TIME")]
    (note,) = rewritten(tmp_path / "n.spacy", [doc])
    assert [(span.label, span.layer, *note.quote(span)) for span in note.spans] == [
        ("PROBLEM", "entity", "chest pain"),
        ("TIME", "entity", "today"),
    ]


def test_a_damaged_doc_is_a_problem_and_a_damaged_file_is_refused(tmp_path):
    FORMAT.write([example(), Note("n2", "fine")], tmp_path / "n.spacy")
    found = docs(tmp_path / "n.spacy")
    found[0].user_data["medtext"] = "{Zzz"
    problem, good = rewritten(tmp_path / "again.spacy", found)
    assert isinstance(problem, Problem)
    assert (problem.where.rpartition(": ")[2], good.id) == ("Doc 1", "n2")
    (tmp_path / "bad.spacy").write_bytes(b"nothing of the kind")
    with pytest.raises(FormatError, match="no DocBin"):
        list(FORMAT.read(tmp_path / "bad.spacy"))
