"""RxNorm and UMLS in RRF."""

import pytest

from medtext.errors import FormatError
from tests.releases import conso, rrf, write


def row(width, **cells):
    return [cells.get(f"c{at}", "") for at in range(width)]


@pytest.fixture
def rxnorm(tmp_path):
    folder = tmp_path / "RxNorm_full_03022026" / "rrf"
    names = [
        conso("1", "madeupine"),
        conso("1", "MADEUPINE", kind="SU", vocabulary="MTHSPL"),
        conso("2", "madeupine 5 MG Tablet", kind="SCD"),
        conso("2", "Madeupine 5 mg tab", kind="PSN"),
        conso("3", "Oldine", suppress="O", content=""),
        conso("1", "madeupina", language="SPA"),
    ]
    write(folder / "RXNCONSO.RRF", rrf(*names))
    relations = [
        row(16, c0="1", c4="2", c7="has_ingredient", c10="RXNORM"),
        row(16, c0="2", c4="1", c7="ingredient_of", c10="RXNORM"),
        row(16, c0="1", c4="3", c7="isa", c10="RXNORM"),
        row(16, c0="9", c4="2", c7="has_ingredient", c10="RXNORM"),
    ]
    write(folder / "RXNREL.RRF", rrf(*relations))
    facts = [
        row(13, c0="2", c8="NDC", c9="RXNORM", c10="00000000001", c11="N"),
        row(13, c0="2", c8="NDC", c9="RXNORM", c10="00000000002", c11="O"),
        row(13, c0="2", c8="RXN_AVAILABLE_STRENGTH", c9="RXNORM", c10="5 MG", c11="N"),
    ]
    write(folder / "RXNSAT.RRF", rrf(*facts))
    write(folder / "RXNATOMARCHIVE.RRF", rrf(row(16, c2="Gonine", c12="4", c13="RXNORM", c14="IN", c15="1")))
    return tmp_path / "RxNorm_full_03022026"


def test_rxnorm_names_concepts_and_synonyms(read, rxnorm):
    held = read("rxnorm", rxnorm)
    assert {code: (one.kind, one.active) for code, one in held.concepts.items()} == {
        "1": ("IN", True),
        "2": ("SCD", True),
        "3": ("IN", False),
        "4": ("IN", False),
    }
    assert [one.name for one in held.terms if one.code == "2" and one.preferred] == ["madeupine 5 MG Tablet"]
    assert held.names("1") == ["madeupine", "MADEUPINE"]


def test_relations_read_from_the_second_concept_to_the_first(read, rxnorm):
    held = read("rxnorm", rxnorm)
    assert held.targets("2", "has_ingredient") == ["1"]
    assert held.targets("3", "is_a") == ["1"]
    assert not held.targets("1", "ingredient_of")


def test_ndcs_strengths_and_merged_concepts(read, rxnorm):
    held = read("rxnorm", rxnorm)
    assert held.targets("2", "ndc") == ["00000000001"]
    assert ("2", "RXN_AVAILABLE_STRENGTH", "5 MG") in held.facts
    assert held.targets("4", "replaced_by") == ["1"]


def test_the_prescribable_content_and_the_free_names_alone(read, rxnorm):
    held = read("rxnorm", rxnorm, prescribable=True, own_names=True)
    assert "3" not in held.concepts
    assert held.names("1") == ["madeupine"]
    assert held.left_out == {"names outside the content asked for": 2, "names of other vocabularies": 1}


def test_the_release_is_the_date_of_the_folder(read, rxnorm):
    assert read("rxnorm", rxnorm.parent).release == "2026-03-02"
    assert read("rxnorm", rxnorm).release == "2026-03-02"
    assert read("rxnorm", rxnorm / "rrf").release == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-4], r"RXNCONSO.RRF:6: the last line has no end"),
        (lambda text: text + "5|ENG|\n", r"RXNCONSO.RRF:7:2: 2 columns; RXNCONSO.RRF has 18"),
        (lambda text: "x" + text, r"RXNCONSO.RRF:1:1: the RXCUI is no number"),
    ],
)
def test_a_broken_rrf_is_refused_with_its_place(read, rxnorm, change, message):
    path = rxnorm / "rrf/RXNCONSO.RRF"
    path.write_text(change(path.read_text()))
    with pytest.raises(FormatError, match=message):
        read("rxnorm", rxnorm)


def test_the_public_sample_of_rxnorm(read, shared_data):
    held = read("rxnorm", shared_data / "terminology/rxnorm/RXNCONSO_sample_RXNORM_MTHSPL.RRF")
    assert held.concepts["44"].kind == "IN"
    assert held.names("44")[0] == "mesna"


@pytest.fixture
def umls(tmp_path):
    def name(cui, text, code, *, vocabulary="MSH", best="Y", form="PF", language="ENG"):
        known = {"c0": cui, "c1": language, "c2": "P", "c4": form, "c6": best, "c11": vocabulary, "c13": code}
        return row(18, **known, c14=text, c16="N")

    folder = tmp_path / "2030AA"
    names = [
        name("C0000001", "Ache", "D1"),
        name("C0000001", "Aches", "10", vocabulary="SNOMEDCT_US", best="N", form="VO"),
        name("C0000001", "Dolor", "D1", language="SPA"),
    ]
    write(folder / "MRCONSO.RRF", rrf(*names))
    write(folder / "MRSTY.RRF", rrf(["C0000001", "T184", "A2.2.2", "Sign or Symptom", "AT1", ""]))
    return tmp_path


def test_umls_concepts_have_names_types_and_the_codes_behind_them(read, umls):
    held = read("umls", umls)
    assert held.names("C0000001") == ["Ache", "Aches"]
    assert held.concepts["C0000001"].kind == "Sign or Symptom"
    assert [(one.target_system, one.target) for one in held.links] == [("MESH", "D1"), ("SNOMED", "10")]
    assert held.release == "2030AA"
    assert held.left_out == {"names in other languages or vocabularies": 1}


def test_umls_vocabularies_can_be_chosen(read, umls):
    assert read("umls", umls, vocabularies="SNOMEDCT_US").names("C0000001") == ["Aches"]
