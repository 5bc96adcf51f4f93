"""What linking is measured on: mentions with their context and the right codes, and what they are linked against.

Rows are split by the hash of their id: weights are fitted on one half, figures are of the other.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from medtext.span import Code
from medtext.terminology.build import Edition, build_terminology
from medtext.terminology.drugs import drug_rules
from medtext.terminology.readings import Context
from medtext.terminology.wording import spaced
from tests.shared import folder


def data() -> Path:
    """The shared data, which the benchmark cannot do without."""
    found = folder()
    if found is None:
        raise SystemExit("the shared data is not here (set MEDTEXT_DATA to its folder)")
    return found


@dataclass(frozen=True, slots=True)
class Task:
    """A mention of a label, what is known beside it, and the codes of one system that are right."""

    id: str
    mention: str
    label: str
    system: str
    right: frozenset[str]
    context: Context = field(default=Context())

    @property
    def fitted(self) -> bool:
        """Whether the task is of the half that weights are fitted on."""
        return hashlib.sha256(self.id.encode()).digest()[-1] % 2 == 0


def rows(name: str) -> list[dict[str, str]]:
    """The mapped rows of a file of `linking`, with code and name."""
    found = [json.loads(line) for line in (data() / "linking" / f"{name}.jsonl").read_text("utf-8").splitlines()]
    return [row for row in found if row.get("omop_concept_code") and row.get("omop_concept_name")]


LAB_FILES = ("d_labitems_to_loinc_half", "meas_chartevents_main_half")
_ID = "itemid (omop_source_code)"


def labs() -> list[Task]:
    """Names of a hospital's laboratory with fluid, category and unit."""
    return [
        Task(row[_ID], row["label"], "TEST", "LOINC", frozenset({row["omop_concept_code"]}), _lab_context(row))
        for row in rows(LAB_FILES[0])
    ]


def _lab_context(row: dict[str, str]) -> Context:
    return Context(specimen=row.get("fluid", ""), unit=row.get("valueuom") or "", panel=row.get("category", ""))


def charted(system: str) -> list[Task]:
    """Vital signs and other charted items of one system."""
    kept = [row for row in rows(LAB_FILES[1]) if row["omop_vocabulary_id"].upper() == system]
    return [Task(row[_ID], row["label"], "TEST", system, frozenset({row["omop_concept_code"]})) for row in kept]


def procedures() -> list[Task]:
    """Procedures of an intensive care unit."""
    found = rows("proc_itemid_half")
    return [Task(row[_ID], row["label"], "ANY", "SNOMED", frozenset({row["omop_concept_code"]})) for row in found]


def loinc_names() -> dict[str, str]:
    """Code → long name of the universal lab orders and of all LOINC rows of the two laboratory files."""
    with (data() / "terminology/loinc/LoincUniversalLabOrdersValueSet.csv").open(encoding="utf-8", newline="") as file:
        found = {row["LOINC_NUM"]: row["LONG_COMMON_NAME"] for row in csv.DictReader(file)}
    for name in LAB_FILES:
        for row in rows(name):
            if row["omop_vocabulary_id"] == "LOINC" and re.fullmatch(r"\d+-\d", row["omop_concept_code"]):
                found.setdefault(row["omop_concept_code"], row["omop_concept_name"])
    return found


def build(place: Path) -> dict[str, Path]:
    """Everything that is linked against, compiled: name → folder."""
    terms = data() / "terminology"
    loinc, procedure = place / "Loinc.csv", place / "procedures.tsv"
    with loinc.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("LOINC_NUM", "LONG_COMMON_NAME"), *sorted(loinc_names().items())])
    gps = dict(line.split("\t")[:2] for line in (terms / "snomed_gps/gps.tsv").read_text("utf-8").splitlines())
    extra = [row for name in ("proc_itemid_half", LAB_FILES[1]) for row in rows(name)]
    extra = [row for row in extra if row["omop_vocabulary_id"] == "SNOMED"]
    more = {row["omop_concept_code"]: row["omop_concept_name"] for row in extra} | gps
    procedure.write_text("".join(f"{code}\t{name}\n" for code, name in sorted(more.items())), encoding="utf-8")
    snomed = {"system": "SNOMED", "header": ["code", "name"], "tags": True}
    drugs = {"system": "RXNORM", "columns": {"code": "rxcui", "name": "name", "kind": "tty"}}
    files = [terms / "rxnorm" / f"rxnorm_{name}.tsv" for name in ("prescribe_20251006_noA", "A_supplement")]
    orders = terms / "icd10cm"
    editions = {
        "loinc": Edition("loinc", loinc),
        "snomed": Edition("table", terms / "snomed_gps/gps.tsv", options=snomed),
        "procedures": Edition("table", procedure, options=snomed),
        "rxnorm": Edition("table", files, options=drugs),
        "icd10cm": Edition("icd10cm", sorted(orders.glob("*.xml"))),
    }
    for name, edition in editions.items():
        if not (place / name).exists():
            build_terminology(edition, place / name)
    return {name: place / name for name in editions}


class Ingredients:
    """Which ingredients a name of RxNorm comes down to: salts left out, brands looked up."""

    def __init__(self) -> None:
        self._rules = drug_rules()
        self._brands: dict[str, frozenset[str]] = {}
        for one in sorted((data() / "terminology/rxnorm").glob("*.tsv")):
            for row in csv.DictReader(one.open(encoding="utf-8"), delimiter="\t"):
                parsed = self._rules.parse(row["name"])
                if row["tty"] == "SBD" and parsed.brand:
                    self._brands.setdefault(parsed.brand, self._bases(parsed.ingredients))

    def same(self, name: str, drug: str) -> bool:
        """Whether a name has the ingredients of a drug form, or is the brand in its brackets."""
        brand = self._rules.parse(drug).brand
        return name.lower() == brand or self._of(name) == self._of(drug)

    def _of(self, name: str) -> frozenset[str]:
        return self._brands.get(name.lower(), self._bases(self._rules.parse(name).ingredients))

    def _bases(self, ingredients: Iterable[str]) -> frozenset[str]:
        names = self._rules.names
        return frozenset(self._rules.base(names.get(one, one)) for one in ingredients)


def drugs() -> list[Task]:
    """Infused and injected drugs; right is whatever has the ingredients of the mapped drug form. One task an item."""
    seen = {row[_ID]: row for row in reversed(rows("inputevents_to_rxnorm_half"))}
    return [
        Task(name, row["label"], "MEDICATION", "RXNORM", frozenset({row["omop_concept_name"]}))
        for name, row in sorted(seen.items())
    ]


def gps_mentions() -> Iterator[Task]:
    """Problems of MACCROBAT whose words are, but for case, a name of SNOMED CT's patient set; right are its codes."""
    names = defaultdict(set)
    for line in (data() / "terminology/snomed_gps/gps.tsv").read_text("utf-8").splitlines():
        code, name = line.split("\t")[:2]
        tag = re.search(r" \(([^()]*)\)$", name)
        if tag and tag[1] in ("disorder", "finding", "morphologic abnormality", "event", "situation"):
            names[spaced(name[: tag.start()])].add(code)
    for line in (data() / "ner/maccrobat.jsonl").read_text("utf-8").splitlines():
        note = json.loads(line)
        for span in note["spans"]:
            if span["label"] in ("Disease_disorder", "Sign_symptom"):
                said = note["text"][span["start"] : span["end"]]
                if spaced(said) in names:
                    key = f"{note['id']}-{span['start']}"
                    yield Task(key, said, "PROBLEM", "SNOMED", frozenset(names[spaced(said)]))


def maccrobat_mentions() -> set[str]:
    """What problems, drugs and tests are called in MACCROBAT."""
    wanted = ("Disease_disorder", "Sign_symptom", "Medication", "Diagnostic_procedure")
    found = set()
    for line in (data() / "ner/maccrobat.jsonl").read_text("utf-8").splitlines():
        note = json.loads(line)
        found |= {note["text"][one["start"] : one["end"]] for one in note["spans"] if one["label"] in wanted}
    return found


def starter_forms(system: str, label: str = "PROBLEM") -> Iterator[Task]:
    """The forms of the starter concepts, which people chose codes for: a mention each, to find among official names."""
    from medtext.terminology.concepts import load_concepts

    for concept in load_concepts("starter").concepts:
        right = frozenset(code.code for code in concept.codes if code.system == system)
        if concept.label == label and right:
            for form in concept.forms:
                yield Task(f"{system}-{form}", form, label, system, right)


def is_right(code: Code, task: Task) -> bool:
    """Whether a code is one of those of a task."""
    return code.system == task.system and code.code in task.right
