"""Small releases in the layouts of their vendors, with codes and names made up for the tests."""

from pathlib import Path

US, GB = "900000000000509007", "900000000000508004"
FSN, SYNONYM = "900000000000003001", "900000000000013009"
PREFERRED, ACCEPTABLE = "900000000000548007", "900000000000549004"
IS_A, CORE = "116680003", "900000000000207008"
REPLACED_BY = "900000000000526001"
TO_ICD10CM = "6011000124106"

HEADERS = {
    "concept": "id effectiveTime active moduleId definitionStatusId",
    "description": "id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId",
    "relationship": "id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId "
    "characteristicTypeId modifierId",
    "language": "id effectiveTime active moduleId refsetId referencedComponentId acceptabilityId",
    "map": "id effectiveTime active moduleId refsetId referencedComponentId mapGroup mapPriority mapRule mapAdvice "
    "mapTarget correlationId mapCategoryId",
    "association": "id effectiveTime active moduleId refsetId referencedComponentId targetComponentId",
}
NAMES = {
    "concept": "Terminology/sct2_Concept_{state}_US_20250301.txt",
    "description": "Terminology/sct2_Description_{state}-en_US_20250301.txt",
    "relationship": "Terminology/sct2_Relationship_{state}_US_20250301.txt",
    "language": "Refset/Language/der2_cRefset_Language{state}-en_US_20250301.txt",
    "map": "Refset/Map/der2_iisssccRefset_ExtendedMap{state}_US_20250301.txt",
    "association": "Refset/Content/der2_cRefset_Association{state}_US_20250301.txt",
}


def uuid(number):
    return f"{number:08x}-0000-4000-8000-000000000000"


ROWS = {
    "concept": [
        ["10", "20200101", "1", CORE, "900000000000074008"],
        ["11", "20200101", "1", CORE, "900000000000073002"],
        ["12", "20200101", "1", CORE, "900000000000074008"],
        ["13", "20240101", "0", CORE, "900000000000074008"],
    ],
    "description": [
        ["101", "20200101", "1", CORE, "10", "en", FSN, "Ache (finding)", "0"],
        ["102", "20200101", "1", CORE, "10", "en", SYNONYM, "Ache", "0"],
        ["111", "20200101", "1", CORE, "11", "en", FSN, "Ache of toe (finding)", "0"],
        ["112", "20200101", "1", CORE, "11", "en", SYNONYM, "Toe ache, coloured", "0"],
        ["113", "20200101", "1", CORE, "11", "en", SYNONYM, "Toe ache", "0"],
        ["114", "20200101", "0", CORE, "11", "en", SYNONYM, "Toe ach", "0"],
        ["115", "20200101", "1", CORE, "11", "es", SYNONYM, "Dolor de dedo", "0"],
        ["121", "20200101", "1", CORE, "12", "en", FSN, "Ache of big toe (disorder)", "0"],
        ["131", "20200101", "1", CORE, "13", "en", FSN, "Old toe ache (finding)", "0"],
    ],
    "relationship": [
        ["201", "20200101", "1", CORE, "11", "10", "0", IS_A, "0", "0"],
        ["202", "20200101", "1", CORE, "12", "11", "0", IS_A, "0", "0"],
        ["203", "20200101", "0", CORE, "12", "10", "0", IS_A, "0", "0"],
        ["204", "20200101", "1", CORE, "12", "10", "0", "363698007", "0", "0"],
    ],
    "language": [
        [uuid(1), "20200101", "1", CORE, US, "102", PREFERRED],
        [uuid(2), "20200101", "1", CORE, US, "113", PREFERRED],
        [uuid(3), "20200101", "1", CORE, GB, "112", PREFERRED],
        [uuid(4), "20200101", "1", CORE, US, "112", ACCEPTABLE],
    ],
    "map": [
        [
            uuid(5),
            "20200101",
            "1",
            CORE,
            TO_ICD10CM,
            "12",
            "1",
            "2",
            "OTHERWISE TRUE",
            "ALWAYS M79.679",
            "M79.679",
            "",
            "",
        ],
        [uuid(6), "20200101", "1", CORE, TO_ICD10CM, "12", "1", "1", "IFA 11 | Toe |", "IF TOE", "M79.67?", "", ""],
        [uuid(7), "20200101", "1", CORE, TO_ICD10CM, "10", "1", "1", "TRUE", "CANNOT BE CLASSIFIED", "", "", ""],
        [uuid(8), "20200101", "1", CORE, "999", "10", "1", "1", "TRUE", "", "X", "", ""],
    ],
    "association": [[uuid(9), "20240101", "1", CORE, REPLACED_BY, "13", "11"]],
}


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def rf2(folder: Path, *, state: str = "Snapshot", **changed) -> Path:
    """An RF2 release folder; `concept=[...]` and so on take other rows, None leaves the file out."""
    for kind, rows in (ROWS | changed).items():
        if rows is not None:
            lines = ["\t".join(HEADERS[kind].split()), *("\t".join(row) for row in rows)]
            write(folder / state / NAMES[kind].format(state=state), "".join(f"{line}\r\n" for line in lines))
    return folder


TABULAR = """<?xml version="1.0" encoding="utf-8"?>
<ICD10CM.tabular><version>2030</version>
<chapter><name>19</name><desc>Injuries made up (S00-T88)</desc>
<section id="S00-S09"><desc>Head injuries made up (S00-S09)</desc>
<diag><name>S00</name><desc>Bump of head</desc><includes><note>bump of skull</note></includes>
 <sevenChrDef><extension char="A">initial encounter</extension><extension char="D">subsequent encounter</extension>
 </sevenChrDef>
 <diag><name>S00.1</name><desc>Bump of brow</desc><inclusionTerm><note>Brow bump</note></inclusionTerm></diag>
 <diag><name>S00.2</name><desc>Bump of chin</desc>
  <sevenChrDef><extension char="1">right chin</extension></sevenChrDef>
  <diag><name>S00.21</name><desc>Great bump of chin</desc><excludes1><note>small bump (S00.1)</note></excludes1></diag>
 </diag></diag>
<diag><name>S06</name><desc>Shaken head</desc>
 <sevenChrDef><extension char="A">initial encounter</extension><extension char="S">sequela</extension></sevenChrDef>
 <diag><name>S06.1X7</name><desc>Shaken head with death</desc></diag></diag>
</section></chapter>
<chapter><name>20</name><desc>Viruses made up (B20-B29)</desc>
<section id="B20"><desc>Virus disease section (B20)</desc>
<diag><name>B20</name><desc>Virus disease</desc></diag></section>
</chapter></ICD10CM.tabular>
"""


def order_line(number, code, billable, short, long):
    return f"{number:05d} {code:<7} {billable} {short:<60} {long}\n"


ORDER = "".join(
    [
        order_line(1, "B20", 1, "Virus disease", "Virus disease"),
        order_line(2, "S00", 0, "Bump of head", "Bump of head"),
        order_line(3, "S001", 0, "Bump of brow", "Bump of brow"),
        order_line(4, "S001XXA", 1, "Bump brow, init", "Bump of brow, initial encounter"),
    ]
)


def rrf(*rows):
    return "".join("|".join(row) + "|\n" for row in rows)


def conso(code, name, *, kind="IN", vocabulary="RXNORM", suppress="N", content="4096", language="ENG"):
    return [
        code,
        language,
        "",
        "",
        "",
        "",
        "",
        f"A{code}",
        "",
        "",
        "",
        vocabulary,
        kind,
        code,
        name,
        "",
        suppress,
        content,
    ]
