"""Notes into a project: each once, whatever fails on the way, and none that would not come back."""

import pytest

import medtext
from medtext import Note, Relation, Span
from medtext.errors import ConfigError, IdentifiedNoteError, ServerError
from medtext.formats.label_studio import labeling_config, note_to_task
from medtext.formats.label_studio_check import check_task, controls
from medtext.taxonomy import Taxonomy


def note(number: int, label: str = "PROBLEM") -> Note:
    made = Note(f"n{number}", "Fever and cough.", deidentified=True)
    return made.add([Span(((0, 5),), label), Span(((10, 15),), "PROBLEM")])


NOTES = [note(number) for number in range(7)]


@pytest.fixture
def told(label_studio, monkeypatch):
    monkeypatch.setattr("medtext.studio.client.time.sleep", lambda _: None)
    return {"url": label_studio[0], "project": "P", "batch_size": 3}


def ids(state) -> list[str]:
    return [task["data"]["id"] for task in state.tasks]


def test_notes_go_in_batches_and_a_second_push_sends_the_new_ones_alone(label_studio, told):
    assert medtext.push(NOTES[:5], **told).written == 5
    again = medtext.push(NOTES, **told)
    assert (again.read, again.written, again.kept) == (7, 7, 5)
    assert ids(label_studio[1]) == [one.id for one in NOTES]


def test_the_same_note_twice_in_one_push_is_sent_once(label_studio, told):
    assert medtext.push([NOTES[0], NOTES[0]], **told).kept == 1
    assert ids(label_studio[1]) == ["n0"]


@pytest.mark.parametrize("stored", [0, 1, 3])
def test_an_import_that_breaks_off_is_finished_without_a_note_twice(label_studio, told, stored):
    label_studio[1].import_fails_after = stored
    report = medtext.push(NOTES, **told)
    assert (report.written, report.errors) == (7, 0)
    assert sorted(ids(label_studio[1])) == [one.id for one in NOTES]


def test_a_note_whose_prediction_was_lost_is_named(label_studio, told):
    label_studio[1].import_fails_after, label_studio[1].cut = 2, True
    problems = []
    medtext.push(NOTES[:3], on_problem=problems.append, **told)
    assert [one.note_id for one in problems] == ["n0", "n1"]


def test_a_changed_text_is_refused_by_name_and_the_others_are_sent(label_studio, told):
    medtext.push(NOTES[:1], **told)
    problems = []
    changed = Note("n0", "Something else.", deidentified=True)
    report = medtext.push([changed, NOTES[1]], on_problem=problems.append, **told)
    assert (report.written, report.errors) == (1, 1)
    assert problems[0].note_id == "n0"
    assert "Something" not in str(problems[0])


def test_an_identified_note_is_refused_before_a_project_is_made(label_studio, told):
    with pytest.raises(IdentifiedNoteError):
        medtext.push([Note("x", "Maria Delgado")], **told)
    assert label_studio[1].projects == label_studio[1].asked == []
    assert medtext.push([Note("x", "Maria Delgado")], allow_phi=True, **told).written == 1


def test_a_label_that_the_project_does_not_show_is_a_problem(label_studio, told):
    problems = []
    report = medtext.push([note(1, "FOO"), note(2)], on_problem=problems.append, **told)
    assert ids(label_studio[1]) == ["n2"]
    assert "'FOO'" in str(problems[0])
    assert report.errors == 1


def test_a_server_that_counts_otherwise_is_not_believed(label_studio, told):
    medtext.push([], **told)
    label_studio[1].failures = [None, None, None, (201, {}, b'{"task_count": 1, "prediction_count": 0}')]
    with pytest.raises(ServerError, match="counts"):
        medtext.push(NOTES[:1], **told)


def test_two_projects_of_one_title_are_told_by_number(label_studio, told):
    label_studio[1].projects = [{"id": 1, "title": "P"}, {"id": 2, "title": "P"}]
    with pytest.raises(ConfigError, match="1, 2"):
        medtext.push(NOTES, **told)
    assert medtext.push(NOTES, **(told | {"project": 2})).written == 7


def test_a_configuration_that_holds_more_is_left_and_one_that_holds_less_is_filled_up(label_studio, told):
    config = labeling_config("clinical")
    more = config.replace("</View>", '<Choices name="mine" toName="text"><Choice value="A"/></Choices></View>')
    less = labeling_config("clinical", layers=["entity"])
    foreign = '<View><Text name="t" value="$t"/></View>'
    label_studio[1].projects = [
        {"id": number, "title": title, "label_config": one}
        for number, (title, one) in enumerate([("more", more), ("less", less), ("foreign", foreign)], 1)
    ]
    medtext.push([], **(told | {"project": "more"}))
    medtext.push([], **(told | {"project": "less"}))
    with pytest.raises(ConfigError, match="another labeling configuration"):
        medtext.push([], **(told | {"project": "foreign"}))
    medtext.push([], **(told | {"project": "foreign", "replace_config": True}))
    assert [one["label_config"] for one in label_studio[1].projects] == [more, config, config]


def test_what_the_page_would_not_show_is_found():
    shown = controls(labeling_config("clinical"))
    good = note(1)
    assert check_task(good, note_to_task(good), shown) == ""
    related = good.add(relations=[Relation("unheard_of", "e1", "e2")])
    assert "unheard_of" in check_task(related, note_to_task(related), shown)
    spoilt = note_to_task(good)
    spoilt["predictions"][0]["result"][0]["value"]["end"] = 999
    assert "would not come back" in check_task(good, spoilt, shown)
    spoilt["predictions"][0]["result"][0]["value"]["end"] = 4
    assert check_task(good, spoilt, shown) == "it would come back changed."


def test_colours_and_keys_do_not_make_another_configuration():
    loaded = Taxonomy.load("clinical")
    config = labeling_config(loaded)
    assert controls(config.replace("#", "#0").replace('hotkey="q"', "")) == controls(config)
    assert controls("") == set()
    with pytest.raises(ConfigError, match="no XML"):
        controls("<View>")
