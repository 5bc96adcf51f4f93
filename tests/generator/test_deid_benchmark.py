"""The figures on generated notes: what counts as found, and what as touched."""

from collections import Counter

from medtext.note import Note
from medtext.span import Span
from tests.benchmarks import deid_generated as benchmark


def note(text, *spans, negatives=()):
    gold = [Span((place,), label, layer="phi", x={"generator": told}) for place, label, told in spans]
    return Note("n", text, x={"hard_negatives": list(negatives)}).add(gold)


def test_a_value_counts_when_all_of_it_is_found():
    text = "Seen on 3/4/2021. Foley catheter, MRN: 1234567. Zqxw came."
    one = note(
        text,
        ((8, 16), "DATE", {"form": "date.slash"}),
        ((39, 46), "MRN", {"form": "mrn.seven"}),
        ((48, 57), "PATIENT", {"form": "patient.first", "in_lexicon": False, "mess": ["lower"]}),
        negatives=[[18, 32, "eponym"]],
    )
    placed, found = benchmark.measured([one])
    assert sum(placed.values()) == 4
    assert [key[0] for key, count in found.items() if count] == ["DATE", "MRN"]
    assert ("PATIENT", "patient.first", False, ("lower",)) in placed


def test_the_table_holds_every_bar_and_says_what_is_met():
    held = {("MRN", "mrn.seven", None, ()): 100, ("PATIENT", "patient.full", True, ()): 10}
    placed = Counter(held | {("hard negatives", "lab", None, ()): 50})
    found = Counter({("MRN", "mrn.seven", None, ()): 99, ("PATIENT", "patient.full", True, ()): 9})
    rows = {row["what"]: row for row in benchmark.table(placed, found)}
    assert (rows["MRN"]["share"], rows["MRN"]["met"]) == (0.99, True)
    assert (rows["names"]["share"], rows["names"]["met"]) == (0.9, False)
    assert rows["PATIENT"]["bar"] is None
    assert (rows["hard negatives"]["share"], rows["hard negatives"]["met"]) == (0, True)


def test_misses_are_listed_by_form_and_by_typing():
    placed = Counter({("MRN", "mrn.seven", None, ("tabs",)): 3, ("MRN", "mrn.eight", None, ()): 5})
    lines = {title: list(benchmark.misses(placed, Counter(), names)) for title, names in benchmark.WAYS.items()}
    assert [line.split() for line in lines["form, typed well"]] == [["MRN", "mrn.eight", "5", "of", "5"]]
    assert [line.split()[1] for line in lines["typing"]] == ["well", "tabs"]
