"""The real Label Studio: what is pushed is shown, and what a person does on the page is what comes back."""

import dataclasses
import json
from pathlib import Path

import pytest

import medtext
from medtext import Assertion, Candidate, Code, Note, Relation, Review, Span
from medtext.errors import ConfigError
from medtext.studio.client import Client
from medtext.studio.projects import get_project
from tests.ui.conftest import CODES_TOKEN, SERVER_TOKEN
from tests.ui.label_studio import EMAIL
from tests.ui.page import Page

TEXT = (
    "Pt denies chest pain.\r\nHTN on lisinopril 10 mg 👩🏽‍⚕️; left and right arm pain.\n\n"
    "  BP   120/80\u2028EKG normal. Cough, fever.\n"
)
PAIN, ANGINA, HTN = Code("SNOMED", "29857009"), Code("ICD10CM", "I20.9"), Code("ICD10CM", "I10")


def at(*words: str) -> tuple[tuple[int, int], ...]:
    return tuple((TEXT.index(word), TEXT.index(word) + len(word)) for word in words)


def sample(name: str) -> Note:
    chest = (Candidate(PAIN, "Chest pain", 0.9), Candidate(ANGINA, "Angina pectoris, unspecified", 0.4))
    spans = [
        Span(
            at("chest pain"), "PROBLEM", assertion=Assertion("absent", "current", "patient"), codes=(PAIN,),
            candidates=chest, score=0.9,
        ),
        Span(at("HTN"), "PROBLEM", codes=(HTN,)),
        Span(at("lisinopril"), "MEDICATION", score=0.7),
        Span(at("10 mg"), "DOSE"),
        Span(at("left", "arm pain"), "PROBLEM"),
        Span(at("EKG"), "TEST", comment="sinus?"),
        Span(at("Cough"), "PROBLEM"),
        Span(at("Pt"), "PATIENT", layer="phi", status="rejected"),
        Span(((0, 22),), "HPI", layer="section"),
    ]  # fmt: skip
    note = Note(name, TEXT, deidentified=True, meta={"ward": "3B"}, review=Review("todo")).add(spans)
    return note.add(relations=[Relation("dose_of", "e4", "e3")])


def pushed(notes: list[Note], client: Client, project: str, **options) -> tuple[int, dict[str, int]]:
    """The number of the project and the tasks of its notes, after a push without a problem."""
    medtext.push(notes, url=client.url, project=project, on_problem=pytest.fail, **options)
    number = get_project(client, project).number
    told = client.pages("/api/tasks", key="tasks", project=number)
    return number, {task["data"]["id"]: task["id"] for task in told}


def pulled(client: Client, project: str | int, folder: Path, **options) -> dict[str, Note]:
    name = folder / "pulled.jsonl"
    medtext.pull(
        name, url=client.url, project=project, which="latest", on_problem=pytest.fail, overwrite=True, **options
    )
    return {note.id: note for note in medtext.read(name)}


def judged(note: Note, status: str, layers: tuple[str, ...] = ("entity",)) -> Note:
    """The note as it is when all its shown predictions have this status."""
    spans = [dataclasses.replace(one, status=status) for one in note.spans if one.layer in layers]
    relations = tuple(dataclasses.replace(one, status=status) for one in note.relations)
    return note.update(spans).replace(relations=relations, review=Review("done", EMAIL))


def test_predictions_are_shown_in_their_places_and_colours(page, client, shots):
    number, tasks = pushed([sample("shown")], client, "Shown")
    page.open(number, tasks["shown"])
    words = ["chest pain", "HTN", "lisinopril", "10 mg", "left", "arm pain", "EKG", "Cough"]
    assert page.regions() == [(word, True) for word in words]
    page.select("chest pain")
    page.shot(shots / "predictions.png")
    for shown in ("absent", "current", "patient", "SNOMED:29857009 Chest pain"):
        assert page.page.locator(".lsf-details, .lsf-region-details, body").first.get_by_text(shown).first.is_visible()


def test_a_note_that_is_submitted_as_it_is_comes_back_accepted_and_the_others_untouched(page, client, tmp_path):
    notes = [sample("accepted"), sample("untouched")]
    number, tasks = pushed(notes, client, "Accepted")
    page.open(number, tasks["accepted"])
    page.submit()
    back = pulled(client, "Accepted", tmp_path)
    assert back["untouched"] == notes[1]
    assert back["accepted"] == judged(notes[0], "accepted")


def test_what_a_person_changes_comes_back_as_exactly_that(page, client, tmp_path, shots):
    before = sample("changed")
    number, tasks = pushed([before], client, "Changed")
    page.open(number, tasks["changed"])
    page.move_end("HTN", " on ", 3)
    page.select("EKG")
    page.label("PROCEDURE")
    page.select("chest pain")
    page.choose("possible")
    page.open_codes()
    page.pick_code("SNOMED:29857009")
    page.pick_code("ICD10CM:I20.9")
    page.delete("Cough")
    page.draw("PROBLEM", "fever")
    page.shot(shots / "corrected.png")
    page.submit()

    after = pulled(client, "Changed", tmp_path)["changed"]
    new = [span for span in after.spans if span.status == "added"]
    assert [(span.at, span.label, span.layer) for span in new] == [(at("fever"), "PROBLEM", "entity")]
    moved = (TEXT.index("HTN"), TEXT.index("HTN") + len("HTN on"))
    e1, e2 = before.span("e1"), before.span("e2")
    expected = judged(before, "accepted").update(
        [
            dataclasses.replace(
                e1, status="corrected", assertion=Assertion("possible", "current", "patient"), codes=(ANGINA,),
                was={"assertion": {"presence": "absent", "temporality": "current", "subject": "patient"},
                     "codes": [str(PAIN)]},
            ),
            dataclasses.replace(e2, status="corrected", at=(moved,), was={"at": [list(e2.at[0])]}),
            dataclasses.replace(before.span("e6"), status="corrected", label="PROCEDURE", was={"label": "TEST"}),
            dataclasses.replace(before.span("e7"), status="rejected"),
        ]
    )  # fmt: skip
    assert after.replace(spans=tuple(one for one in after.spans if one.status != "added")) == expected
    told = medtext.compare([before], [after], resamples=10)
    assert told.clean
    assert told.counts == {
        "accepted": 3, "boundary": 1, "relabelled": 1, "recoded": 1, "assertion": 1, "added": 1, "rejected": 1,
        "untouched": 0,
    }  # fmt: skip


def test_each_annotator_comes_back_apart_and_drafts_only_when_asked(page, browser, client, tmp_path):
    notes = [sample("n1"), sample("n2")]
    number, tasks = pushed(notes, client, "Two people")
    page.open(number, tasks["n1"])
    page.submit()
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    other = Page(context.new_page(), client.url)
    other.sign_up("boris@example.org")
    other.open(number, tasks["n2"])
    other.delete("Cough")
    with other.page.expect_response(lambda one: "/drafts" in one.url):
        pass
    told = {"url": client.url, "project": number, "on_problem": pytest.fail}
    assert medtext.pull(tmp_path / "done", **told).read == 1
    assert medtext.pull(tmp_path / "all", drafts=True, **told).read == 2
    assert {path.name for path in (tmp_path / "all").iterdir()} == {f"{EMAIL}.jsonl", "boris@example.org.jsonl"}
    (draft,) = medtext.read(tmp_path / "all" / "boris@example.org.jsonl")
    assert draft.id == "n2"
    assert draft.review == Review("doing", "boris@example.org")
    assert draft.span("e7").status == "rejected"
    context.close()


def test_a_note_is_never_sent_twice_and_a_changed_text_is_named(client):
    notes = [sample(f"n{number}") for number in range(5)]
    told = {"url": client.url, "project": "Again", "batch_size": 2}
    first = medtext.push(notes[:3], **told)
    again = medtext.push(notes, **told)
    assert (first.written, first.kept, again.written, again.kept) == (3, 0, 5, 3)
    problems = []
    changed = notes[0].replace(text=TEXT + "More.")
    assert medtext.push([changed], on_problem=problems.append, **told).written == 0
    assert [problem.note_id for problem in problems] == ["n0"]
    number = get_project(client, "Again").number
    assert client.get("/api/tasks", project=number)["total"] == 5


def test_a_project_with_another_configuration_is_refused(client):
    config = '<View><Text name="t" value="$t"/><Choices name="c" toName="t"><Choice value="A"/></Choices></View>'
    client.send("POST", "/api/projects/", {"title": "Theirs", "label_config": config})
    with pytest.raises(ConfigError, match="another labeling configuration"):
        medtext.push([sample("n")], url=client.url, project="Theirs")
    assert medtext.push([sample("n")], url=client.url, project="Theirs", replace_config=True).written == 1


def test_a_personal_access_token_serves_as_well(client, monkeypatch):
    told = client.send("POST", "/api/token/", {})
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", told["token"])
    assert medtext.push([sample("n")], url=client.url, project="Personal").written == 1


def test_a_task_is_pre_annotated_when_it_is_opened_and_what_is_submitted_is_kept(page, client, served, tmp_path, shots):
    backend, events = served
    bare = sample("opened").replace(spans=(), relations=())
    project = "Opened"
    number, tasks = pushed([bare], client, project)
    medtext.connect(url=client.url, project=project, backend=backend, server_token=SERVER_TOKEN)
    page.open(number, tasks["opened"])
    shown = [word for word, coloured in page.regions() if coloured]
    assert {"chest pain", "HTN", "lisinopril", "10 mg"} <= set(shown)
    page.delete("HTN")
    page.shot(shots / "opened.png")
    page.submit()

    after = pulled(client, project, tmp_path)["opened"]
    assert {after.quote(span) for span in after.spans if span.status == "rejected"} == {("HTN",)}
    assert {span.status for span in after.layer("entity")} == {"accepted", "rejected"}
    medtext.collect(events, tmp_path / "collected")
    (path,) = (tmp_path / "collected").iterdir()
    (kept,) = medtext.read(path)
    assert kept.replace(review=None, x={}) == after.replace(review=None, x={})
    assert "token" not in json.dumps(kept.x)


def test_codes_are_chosen_in_the_tree_that_our_server_gives(page, client, served, tmp_path, shots):
    backend, _ = served
    address = backend.replace("http://", f"http://codes:{CODES_TOKEN}@") + "/terminology"
    before = sample("codes")
    number, tasks = pushed([before], client, "Codes", codes_url=address)
    page.open(number, tasks["codes"])
    page.select("HTN")
    page.open_codes()
    page.unfold("PROBLEM")
    page.shot(shots / "codes.png")
    page.pick_code("SNOMED:233985008 Abdominal aortic aneurysm")
    page.submit()
    after = pulled(client, "Codes", tmp_path)["codes"]
    assert after.span("e2").codes == (HTN, Code("SNOMED", "233985008"))
    assert after.span("e1").codes == before.span("e1").codes
