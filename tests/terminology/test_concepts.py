import csv
import re
from collections import Counter

import pytest
import yaml

from medtext.errors import ConfigError, UnknownNameError
from medtext.span import Code
from medtext.taxonomy import Taxonomy
from medtext.terminology.concepts import Concept, load_concepts
from medtext.terminology.matcher import Matcher

HEADER = "label\tname\tsynonyms\tcodes\n"


@pytest.fixture(scope="module")
def starter():
    return load_concepts()


@pytest.fixture
def write(tmp_path):
    def make(text, name="own.tsv", header=HEADER):
        (tmp_path / name).write_text(header + text, encoding="utf-8", newline="")
        return tmp_path / name

    return make


def test_a_table_gives_names_forms_and_codes_in_its_order(write):
    made = load_concepts(write("PROBLEM\tGout\tgouty arthritis | podagra\tICD10CM:M10.9\r\nTEST\tUric acid\t\t\n"))
    assert made.concepts == (
        Concept("PROBLEM", "Gout", ("gouty arthritis", "podagra"), (Code("ICD10CM", "M10.9"),)),
        Concept("TEST", "Uric acid"),
    )
    assert made.labels == ("PROBLEM", "TEST")
    assert made.source.startswith("dictionary:own@")


def test_the_version_of_an_unnamed_set_is_its_content(write):
    first, second = (load_concepts(write(f"PROBLEM\t{name}\t\t\n")).version for name in ("Gout", "Mumps"))
    assert first != second
    assert load_concepts(write("PROBLEM\tGout\t\t\n")).version == first


def test_a_folder_and_its_sources_make_one_named_set(write, tmp_path):
    write("PROBLEM\tGout\t\tICD10CM:M10.9\n", "b.tsv")
    write("TEST\tUric acid\t\t\n", "a.tsv")
    (tmp_path / "sources.yaml").write_text("name: joints\nversion: '3'\nsystems: {ICD10CM: {release: '2026'}}\n")
    made = load_concepts(tmp_path)
    assert (made.source, dict(made.releases)) == ("dictionary:joints@3", {"ICD10CM": "2026"})
    assert [concept.name for concept in made.concepts] == ["Uric acid", "Gout"]


def test_several_sets_are_read_as_one(write):
    made = load_concepts(["starter", write("PROBLEM\tPerplexity of the toes\t\t\n")])
    assert made.concepts[-1].name == "Perplexity of the toes"
    assert made.releases["SNOMED"]
    assert made.version != load_concepts().version


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PROBLEM\tGout\t\n", r"own.tsv:2: 3 columns; 4 are needed"),
        ("PROBLEM\t\t\t\n", r"own.tsv:2: '' is no form"),
        ("PROBLEM\tGout\tpodagra |\t\n", r"own.tsv:2: 'podagra \|' is no form"),
        ("PROBLEM\tGout\t--\t\n", r"own.tsv:2: '--' is no form"),
        ("\tGout\t\t\n", r"own.tsv:2: The label"),
        ("PROBLEM\tGout\t\tM10.9\n", r"own.tsv:2: Code 'M10.9' is not a CURIE"),
        ("PROBLEM\tGout\t\tICD10CM:M10.9 ICD10CM:M10.9\n", r"own.tsv:2: a code stands twice"),
        ("PROBLEM\tGout\t\t\n\nPROBLEM\tPodagra\tGout\t\n", r"own.tsv:4: the PROBLEM form 'Gout' .* at own.tsv:2"),
        ("PROBLEM\tGout\tGout\t\n", r"own.tsv:2: the PROBLEM form 'Gout' stands twice"),
    ],
)
def test_a_broken_row_is_refused_with_its_line(write, text, message):
    with pytest.raises(ConfigError, match=message):
        load_concepts(write(text))


def test_a_file_without_the_columns_is_refused(write):
    with pytest.raises(ConfigError, match=r"own.tsv:1: the first line must name the columns"):
        load_concepts(write("PROBLEM\tGout\t\t\n", header=""))


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "own.tsv").write_bytes(HEADER.encode() + b"PROBLEM\tM\xe9ni\xe8re\t\t\n")
    with pytest.raises(ConfigError, match=r"own.tsv: not UTF-8 at byte 35"):
        load_concepts(tmp_path / "own.tsv")


@pytest.mark.parametrize("name", ["no-such-set", "there/is/no/folder"])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(UnknownNameError, match="starter"):
        load_concepts(name)


def test_missing_and_empty_places_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        load_concepts(tmp_path / "none.tsv")
    with pytest.raises(ConfigError, match=r"no \.tsv file"):
        load_concepts(tmp_path)
    with pytest.raises(ConfigError, match="empty"):
        load_concepts([])


def test_unknown_keys_in_sources_are_refused(write, tmp_path):
    (tmp_path / "sources.yaml").write_text("name: x\nlicense: y\n")
    with pytest.raises(ConfigError, match=r"sources.yaml:2: unknown key 'license'"):
        load_concepts(write("PROBLEM\tGout\t\t\n"))


def test_the_starter_set_is_large_and_coded(starter):
    assert len(starter.concepts) >= 600
    assert sum(bool(concept.codes) for concept in starter.concepts) / len(starter.concepts) > 0.99


def test_labels_and_systems_of_the_starter_set_are_those_of_the_taxonomy(starter):
    labels = Taxonomy.load("clinical").labels
    wrong = {(one.label, code.system) for one in starter.concepts for code in one.codes} - {
        (label.name, system) for label in labels.values() for system in label.codes
    }
    assert wrong <= {("ANATOMY", "ICD10CM")}
    assert set(starter.releases) == {code.system for one in starter.concepts for code in one.codes}


def test_no_form_of_the_starter_set_stands_under_two_concepts_of_a_label(starter):
    pairs = {(one.label, form.casefold(), one.name) for one in starter.concepts for form in one.forms}
    holders = Counter((label, form) for label, form, _ in pairs)
    assert [form for form, count in holders.items() if count > 1] == []


def test_every_form_of_the_starter_set_means_its_concept_and_no_other_of_its_label(starter):
    held = [(form, one) for one in starter.concepts for form in one.forms]
    matcher = Matcher([form for form, _ in held])
    wrong = []
    for form, concept in held:
        found = {held[number][1] for start, end, number in matcher.find(form) if (start, end) == (0, len(form))}
        if {one for one in found if one.label == concept.label} != {concept}:
            wrong.append((form, sorted(one.name for one in found)))
    assert wrong == []


def _rows(path, delimiter="\t"):
    with path.open(encoding="utf-8", newline="") as stream:
        quoting = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
        yield from csv.DictReader(stream, delimiter=delimiter, quoting=quoting)


def _known(room):
    """The codes of each system in the public tables."""
    terms = room / "terminology"
    gps = {line.split("\t")[0] for line in (terms / "snomed_gps" / "gps.tsv").read_text("utf-8").splitlines()}
    order = (terms / "icd10cm" / "icd10cm_order_2025.txt").read_text("utf-8").splitlines()
    icd = {re.sub(r"^(.{3})(.+)", r"\1.\2", line[6:13].strip()) for line in order}
    tabular = (terms / "icd10cm" / "icd10c-tabular-April-1-2026.xml").read_text("utf-8")
    icd |= set(re.findall(r"<name>([A-Z]\w{2}(?:\.\w+)?)</name>", tabular))
    rxnorm = {row["rxcui"] for name in ("prescribe_20251006_noA", "A_supplement")
              for row in _rows(terms / "rxnorm" / f"rxnorm_{name}.tsv")}  # fmt: skip
    conso = (terms / "rxnorm" / "RXNCONSO_sample_RXNORM_MTHSPL.RRF").read_text("utf-8").splitlines()
    rxnorm |= {line.split("|")[0] for line in conso}
    loinc = {row["LOINC_NUM"] for row in _rows(terms / "loinc" / "LoincUniversalLabOrdersValueSet.csv", ",")}
    for path in sorted((room / "linking").glob("*.jsonl")):
        found = re.findall(r'"LOINC".*?"omop_concept_code": "([^"]+)"', path.read_text("utf-8"))
        loinc |= set(found)
    return {"SNOMED": gps, "ICD10CM": icd, "RXNORM": rxnorm, "LOINC": loinc}


def test_every_code_of_the_starter_set_stands_in_the_public_tables(starter, shared_data):
    known = _known(shared_data)
    wrong = [
        f"{one.name} {code}" for one in starter.concepts for code in one.codes if code.code not in known[code.system]
    ]
    assert wrong == []


def test_the_notices_of_the_code_systems_ship(starter):
    from importlib.resources import files

    held = yaml.safe_load(files("medtext.taxonomies").joinpath("concepts", "sources.yaml").read_text("utf-8"))
    assert all(system["notice"] and system["licence"] for system in held["systems"].values())
