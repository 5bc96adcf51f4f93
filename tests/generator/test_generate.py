"""Labelled notes: exact gold, carriers that stay, the same notes for the same seed, and no class left out."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medtext
from medtext.errors import ConfigError
from medtext.generator.names import Names
from medtext.note import Note
from medtext.span import Span
from medtext.taxonomy import Taxonomy
from tests.laws import texts

PATIENT = "**NAME[AAA, BBB M]"


def made(*carriers, count=1, seed=3, **options):
    clean = [Note(f"c{number}", text, deidentified=True) for number, text in enumerate(carriers)]
    return list(medtext.generate(clean or None, count=count, seed=seed, **options))


@pytest.fixture(scope="module")
def many():
    return made(count=300, seed=11)


@pytest.fixture(scope="module")
def tidy():
    return made(count=150, seed=12, mess=0)


def quoted(notes, label):
    return [note.quote(span)[0] for note in notes for span in note.layer("phi") if span.label == label]


def forms(note, start):
    return [note.quote(one)[0] for one in note.layer("phi") if one.x["generator"]["form"].startswith(start)]


# ---- laws


def test_gold_lies_apart_and_hard_negatives_lie_apart_from_it(many):
    for note in many:
        taken = [(one.start, one.end) for one in note.layer("phi")]
        taken += [(start, end) for start, end, _ in note.x["hard_negatives"]]
        assert all(before[1] <= after[0] for before, after in pairwise(sorted(taken)))


def test_gold_begins_and_ends_with_what_it_says(many):
    for note in many:
        for span in note.layer("phi"):
            quote = note.quote(span)[0]
            assert quote == quote.strip()
            assert not quote.endswith(".")
            assert not re.search(r"[{}\[\]]", quote)


FIELDS = {  # what the template writes before a value that holds no blank
    r"\bVIN: (\S+)": "VEHICLE",
    r"\bNPI: (\d{10})": "LICENSE",
    r"\bMRN: (\S+)": "MRN",
    r"\bEmail: (\S+)": "EMAIL",
    r"\bAccession #: (\S+)": "ID",
    r"\bZip code: (\S+)": "ZIP",
    r"\bPatient portal: (\S+)": "URL",
    r"\bIP address: (\S+)": "IP",
    r"\bUDI (\(01\)\S+)": "DEVICE",
    r"\bPhoto: (\S+)": "PHOTO",
    r"\bMedicare #: (\S+)": "HEALTH_PLAN",
}


def test_gold_covers_the_whole_value_and_nothing_else(tidy):
    seen = Counter()
    for note in tidy:
        gold = {(one.start, one.end): one.label for one in note.layer("phi")}
        for pattern, label in FIELDS.items():
            for match in re.finditer(pattern, note.text):
                assert gold.get(match.span(1)) == label
                seen[pattern] += 1
    assert set(seen) == set(FIELDS)


@settings(max_examples=40, deadline=None)
@given(st.lists(texts, min_size=1, max_size=2), st.integers(0, 2**64))
def test_outside_marks_and_insertions_the_carrier_stays(carriers, seed):
    [note] = made(*carriers, seed=seed, insertions=2)
    carrier = carriers[int(note.x["carrier"]["id"][1:])]
    kept = note.x["carrier"]["kept"]
    assert all(carrier[start:end] == note.text[new : new + end - start] for start, end, new in kept)
    assert [new for _, _, new in kept] == sorted(new for _, _, new in kept)
    if "**" not in carrier:
        assert "".join(carrier[start:end] for start, end, _ in kept) == carrier


def test_of_a_carrier_only_the_marks_go():
    carrier = f"NAME: {PATIENT} seen on **DATE[May 10 2003]. She is well."
    [note] = made(carrier)
    kept = [carrier[start:end] for start, end, _ in note.x["carrier"]["kept"]]
    assert "".join(kept) == "NAME:  seen on . She is well."


CODE = "import medtext; print(*(f'{n.text!r}{n.spans}{n.x}{n.meta}' for n in medtext.generate(count=4, seed=8)))"


def test_the_same_seed_gives_the_same_notes_in_any_process():
    outputs = set()
    for hash_seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, check=True)
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_more_notes_begin_with_the_same_ones():
    assert made(count=12, seed=4)[:3] == made(count=3, seed=4)


def test_other_seeds_give_other_notes():
    assert not {note.text for note in made(count=20, seed=1)} & {note.text for note in made(count=20, seed=2)}


# ---- what is in them


def test_every_identifier_of_the_taxonomy_occurs(many):
    assert {span.label for note in many for span in note.spans} == set(Taxonomy.load("phi").labels)


def test_notes_are_identified_and_their_gold_is_added_by_the_generator(many):
    assert not any(note.deidentified for note in many)
    for span in many[0].spans:
        assert (span.layer, span.status, span.sources[0].by) == ("phi", "added", "rule:generator@1")


def test_every_template_can_be_filled():
    from medtext.generator.generate import Recipe, Workshop
    from medtext.generator.scene import Scene

    shop, record = Workshop(), Recipe(1, 1, 0.5, 0, 1).rng
    rng, scene = record("test"), Scene.draw(record, shop.names, shop.kinds, sex="F", unknown=0.5)
    inside = [template for group in shop.insertions["inside"].values() for template in group]
    for template in [*shop.insertions["head"], *shop.insertions["foot"], *inside]:
        pieces = scene.fill(rng, template)
        assert any(piece.label for piece in pieces)
        assert not any(re.search(r"[{}]", piece.text) for piece in pieces)
    for kind, templates in shop.negatives.items():
        for template in templates:
            pieces = scene.fill(rng, template, kind=kind)
            assert [piece.kind for piece in pieces if piece.kind or piece.label]


def test_every_spelling_can_be_drawn():
    from medtext.generator.generate import Recipe, Workshop
    from medtext.generator.scene import Scene

    shop, record = Workshop(), Recipe(1, 1, 0.5, 0, 1).rng
    rng, scene = record("test"), Scene.draw(record, shop.names, shop.kinds, sex="M", unknown=0.5)
    for kind in shop.kinds.values():
        for form in kind.forms:
            text, drawn, _ = scene.values.draw(rng, kind, form, scene.people["patient"][0])
            assert drawn == form
            assert text.strip() == text != ""


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{nothing}", "Unknown slot 'nothing'. Slots: "),
        ("{patient.shoe}", "Unknown form 'shoe' of a name. Forms: full, "),
        ("{phone.shoe}", "Unknown form 'shoe' of 'phone'. Forms: "),
        ("{word:shoe}", "Unknown word 'shoe'. Words: "),
        ("{patient:shoe}", "Unknown word 'shoe'. Words: "),
    ],
)
def test_a_slot_that_does_not_exist_is_refused_by_name(template, message):
    from medtext.generator.generate import Recipe, Workshop
    from medtext.generator.scene import Scene

    shop, record = Workshop(), Recipe(1, 1, 0.5, 0, 1).rng
    rng, scene = record("test"), Scene.draw(record, shop.names, shop.kinds, sex="F", unknown=0.5)
    with pytest.raises(ConfigError, match=re.escape(message)):
        scene.fill(rng, template)


def test_hard_negatives_of_every_kind_occur_and_each_note_has_half_as_many_as_insertions(many):
    kinds = Counter(kind for note in many for *_, kind in note.x["hard_negatives"])
    assert kinds.keys() >= {"eponym", "drug", "score", "dose", "version", "pressure", "lab", "anatomy", "word", "age"}
    assert min(kinds.values()) > 10
    assert all(len(note.x["hard_negatives"]) >= 3 for note in many)


def test_ages_up_to_89_are_hard_negatives_and_older_ones_gold(many):
    digits = [quote for quote in quoted(many, "AGE") if quote.isdigit()]
    assert digits
    assert all(int(quote) >= 90 for quote in digits)
    young = [note.text[start:end] for note in many for start, end, kind in note.x["hard_negatives"] if kind == "age"]
    assert young
    assert all(85 <= int(quote) <= 89 for quote in young)


def test_dates_come_in_every_spelling(many):
    told = {span.x["generator"]["form"] for note in many for span in note.layer("phi") if span.label == "DATE"}
    assert len(told) > 50


# ---- people


def test_a_patient_keeps_name_and_numbers_through_the_notes():
    notes = made(count=12, seed=5, notes_per_patient=6, mess=0)
    for patient in ("g5-p1", "g5-p2"):
        own = [note for note in notes if note.meta["patient"] == patient]
        assert len(own) == 6
        families = {quote for note in own for quote in forms(note, "patient.last") if "," not in quote}
        full = {quote for note in own for quote in forms(note, "patient.full")}
        assert len(families) <= 1
        assert len(full) <= 1
        assert all(name.endswith(family) for name in full for family in families)
        for lasting in ("mrn.", "birth.", "account."):
            values = {quote for note in own for quote in forms(note, lasting)}
            assert (len(values) > 1) == (lasting == "account.")


def test_forms_of_one_name_agree_within_a_note(tidy):
    pairs = 0
    for note in tidy:
        for full in forms(note, "patient.full"):
            for inverted in forms(note, "patient.last_first"):
                last = inverted.split(",")[0]
                assert full.casefold().endswith(last.casefold())
                pairs += 1
    assert pairs > 10


def test_relatives_often_share_the_family_name():
    notes = made(count=200, seed=6, mess=0)
    families = [
        (note.quote(one)[0], {name.split(",")[0].casefold() for name in forms(note, "patient.last")})
        for note in notes
        for one in note.layer("phi")
        if one.x["generator"]["form"] == "relative.full"
    ]
    told = [(name, known) for name, known in families if known]
    shared = [name for name, known in told if any(name.casefold().endswith(family) for family in known)]
    assert 0.4 < len(shared) / len(told) < 1


def test_invented_names_stand_in_no_lexicon():
    names = Names()
    listed = set(names.last) | {name for sex in "FM" for name in names.first[sex]}
    notes = made(count=40, seed=7, unknown_names=1, mess=0)
    spans = [(note, one) for note in notes for one in note.layer("phi") if one.label in ("PATIENT", "PROVIDER")]
    parts = Counter()
    for note, span in spans:
        told = span.x["generator"]
        assert told.get("in_lexicon") in (False, None)
        if told["form"].split(".")[1] in ("full", "last", "first", "last_first"):
            words = re.findall(r"[a-zé']{4,}", note.quote(span)[0].casefold())
            parts.update(word in listed for word in words)
    assert parts[False] > 100
    assert not parts[True]


def test_without_unknown_names_all_are_listed():
    notes = made(count=40, seed=7, unknown_names=0)
    told = [one.x["generator"].get("in_lexicon") for note in notes for one in note.layer("phi")]
    assert True in told
    assert False not in told


def test_the_share_of_unknown_names_is_as_asked(many):
    told = [
        one.x["generator"].get("in_lexicon") for note in many for one in note.layer("phi") if one.label == "PATIENT"
    ]
    share = told.count(False) / (told.count(False) + told.count(True))
    assert 0.08 < share < 0.25


# ---- typing


def test_badly_typed_insertions_say_how(many):
    told = Counter(how for note in many for one in note.spans for how in one.x["generator"].get("mess", ()))
    assert set(told) == {"capitals", "lower", "no_colons", "tabs", "doubled", "broken"}
    for note in many:
        for span in note.layer("phi"):
            how, quote = span.x["generator"].get("mess", ()), note.quote(span)[0]
            if span.label in ("PATIENT", "PROVIDER"):
                assert "capitals" not in how or quote == quote.upper()
                assert "lower" not in how or quote == quote.lower()
            if span.x["generator"]["form"] in ("vin.tight", "dea.tight"):
                assert quote == quote.upper()


def test_without_mess_nothing_is_badly_typed(tidy):
    assert not any("mess" in one.x["generator"] for note in tidy for one in note.spans)


# ---- carriers


def filled(carrier):
    """What fills the marks of a carrier: (label, text)."""
    [note] = made(carrier, insertions=0, mess=0)
    kept = note.x["carrier"]["kept"]
    first, last = kept[0], kept[-1]
    inside = range(first[2], last[2] + last[1] - last[0])
    return [(one.label, note.quote(one)[0]) for one in note.layer("phi") if one.start in inside]


@pytest.mark.parametrize(
    ("mark", "label", "form"),
    [
        ("Mr. **NAME[AAA]", "PATIENT", r"\S.*"),
        ("Dr. **NAME[AAA BBB]", "PROVIDER", r"\S+ \S.*"),
        ("**NAME[YYY M ZZZ]", "PROVIDER", r"\S+ [A-Z] \S.*"),
        ("**NAME[AAA, BBB M]", "PATIENT", r".+, \S+ [A-Z]"),
        ("**DATE[Mar 26 2008]", "DATE", r".*\d.*"),
        ("**INSTITUTION", "HOSPITAL", r".+ .+"),
        ("**PLACE", "PLACE", r"[A-Z].+"),
        ("ACCOUNT #:  **ID-NUM", "ACCOUNT", r".*\d.*"),
        ("MRN: **ID-NUM", "MRN", r".*\d.*"),
        ("no. **ID-NUM", "ID", r".*\d.*"),
        ("**PATH-NUMBER", "ID", r"S\d\d-\d{5}"),
        ("**ROOM", "HOSPITAL", r".*\d.*"),
        ("A **AGE[90+]-year-old", "AGE", r"9\d|10\d"),
        ("[**Hospital1 18**]", "HOSPITAL", r".+ .+"),
        ("[**Known lastname 123**]", "PATIENT", r"\S.*"),
        ("[**Doctor Last Name 12**]", "PROVIDER", r"\S.*"),
        ("[**First Name8 (NamePattern2) 45**]", "PATIENT", r"\S+"),
        ("[**2151-7-16**]", "DATE", r".*\d.*"),
        ("[**Telephone/Fax (1) 123**]", "FAX", r".*\d{3}.*"),
        ("[**Location (un) 34**]", "PLACE", r"[A-Z].+"),
        ("[**Age over 90 **]", "AGE", r"9\d|10\d"),
        ("[**Medical Record Number 3**]", "MRN", r".*\d.*"),
    ],
)
def test_marks_are_filled_with_what_fits(mark, label, form):
    [(found, text)] = filled(f"Seen here: {mark} and there.")
    assert found == label
    assert re.fullmatch(form, text)


@pytest.mark.parametrize("text", ["**NOTE: see below", "[**]", "** stars **", "2 ** 3", "**AGE[in 60s]-year-old"])
def test_what_is_no_identifier_stays_or_becomes_plain_text(text):
    assert filled(f"Seen here: {text} and there.") == []


def test_the_same_letters_are_the_same_person():
    (_, inverted), (_, family) = filled(f"Name: {PATIENT}. Mr. **NAME[AAA] is well today.")
    assert inverted.split(",")[0] == family


def test_the_patient_is_of_the_sex_that_the_carrier_speaks_of():
    notes = made("She felt well. Her knee was better.", "He felt well. His knee was better.", count=20)
    assert {(note.meta["carrier"], note.meta["sex"]) for note in notes} == {("c0", "F"), ("c1", "M")}


def test_identifiers_that_are_annotated_are_replaced():
    text = "Seen by Dr. Quigley of Barrow on Monday."
    spans = [Span(((12, 19),), "PROVIDER", layer="phi"), Span(((23, 29),), "PLACE", layer="phi")]
    carrier = Note("c", text).add(spans)
    [note] = medtext.generate([carrier], count=1, seed=1, insertions=0)
    assert "Quigley" not in note.text
    assert "Barrow" not in note.text
    assert {"PROVIDER", "PLACE"} <= {one.label for one in note.spans}


def test_an_identified_carrier_goes_through_the_deid_stage_first():
    carrier = Note("c", "Patient Name: Martha Quill. MRN: 0012345. She denies fever.")
    [note] = medtext.generate([carrier], count=1, seed=1)
    assert "Martha Quill" not in note.text
    assert "0012345" not in note.text
    assert "She denies fever." in note.text
    assert "Martha Quill" in carrier.text


def test_carriers_are_used_again_in_another_order():
    notes = made(*(f"Text number {one} of ten. And more." for one in range(10)), count=30, insertions=0)
    order = [note.meta["carrier"] for note in notes]
    assert set(Counter(order).values()) == {3}
    assert order[:10] != order[10:20]


@pytest.mark.parametrize("options", [{"unknown_names": 1.2}, {"mess": -0.1}, {"count": -1}, {"notes_per_patient": 0}])
def test_what_cannot_be_is_refused_at_once(options):
    with pytest.raises(ConfigError, match=r"shares from 0 to 1|or more"):
        medtext.generate(**{"count": 1, "seed": 1, **options})


def test_no_carriers_are_an_error():
    with pytest.raises(ConfigError, match="no carriers"):
        list(medtext.generate([], count=1, seed=1))


# ---- the command


def test_the_command_writes_a_span_file(tmp_path, capsys):
    from medtext.cli import main

    target = tmp_path / "gold.jsonl"
    assert main(["generate", "-o", str(target), "--count", "3", "--seed", "9"]) == 0
    assert [*medtext.read(target)] == made(count=3, seed=9)
    assert capsys.readouterr().err == f"medtext: 3 notes written to {target}\n"


def test_the_command_wants_to_be_told_when_carriers_may_hold_identifiers(tmp_path, capsys):
    from medtext.cli import main

    carriers = tmp_path / "carriers.jsonl"
    carriers.write_text(json.dumps({"id": "c1", "text": "Martha Quill is well. The knee is better."}) + "\n")
    arguments = ["generate", str(carriers), "-o", str(tmp_path / "gold.jsonl"), "--count", "1"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "--allow-phi" in error
    assert "Martha" not in error
    assert main([*arguments, "--allow-phi"]) == 0
    assert main([*arguments, "--deidentified", "--overwrite"]) == 0
