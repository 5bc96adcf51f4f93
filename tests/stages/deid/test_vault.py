"""The way back: with the key every note comes back exactly, without it the vault tells nothing; none is ever lost."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import pickle
import stat
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medtext.errors import ConfigError, NoteError, StageError, VaultError
from medtext.note import Note, Relation
from medtext.pipeline import Pipeline
from medtext.redaction import Edit, Redaction
from medtext.span import Span
from medtext.stages.deid import Deid
from medtext.stages.deid.restoration import originals, restored, way_back
from medtext.stages.deid.vault import Vault
from medtext.taxonomy import Policy
from tests import laws

SECRET = "a secret of more than sixteen bytes"
IDENTIFIERS = (
    *("Mr. John Abbot ", "Dr. Mary Quill", "MRN: 88123 ", "on 03/12/2024 ", "a@b.org", "Springfield, IL 62704 "),
    *("91-year-old ", "(555) 123-4567", "Lakeview Hospital", "gout ", "😀", "\r\n", " "),
)
POLICIES = ("safe-harbor", "limited-data-set", "mask-all", "shifted-dates")
ACTIONS = ("tag", "surrogate", "shift", "remove", "mask", "keep")
KINDS = (*POLICIES, *ACTIONS)
law = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "key"
    path.write_text(SECRET)
    return path


@pytest.fixture(scope="module")
def stages(key_file, tmp_path_factory):
    """Every policy, and every action for every class, with one vault for all."""
    vault = tmp_path_factory.mktemp("vault") / "notes.vault"
    options = {"key_file": key_file, "vault": vault, "keep_meta": ["kept"]}
    own = {one: Policy(one, "", one, {}) for one in ACTIONS if one != "shift"}  # which is for dates only
    own["shift"] = Policy("shift", "", "tag", {"DATE": "shift"})
    return {one: Deid(policy=own.get(one, one), **options) for one in KINDS}


@pytest.fixture
def vault(tmp_path):
    return Vault(tmp_path / "notes.vault", SECRET.encode(), writing=True)


@pytest.fixture
def deid(vault, key_file):
    return Deid(vault=vault.path, key_file=key_file)


def back(note, vault):
    """The note before, by the vault as it lies on the disk."""
    read = Vault(vault.path, SECRET.encode())
    return restored(note, originals(note, read)[0])


@st.composite
def identified(draw):
    """A note with identifiers in its text and meta, and spans that lie in, over and across them."""
    pieces = st.sampled_from(IDENTIFIERS) | laws.texts
    text = "".join(draw(st.lists(pieces, max_size=8)))
    ids = draw(st.lists(laws.ids | st.sampled_from(["p1", "p2"]), unique=True, max_size=4)) if len(text) > 1 else []
    links = draw(st.lists(laws.ids, unique=True, max_size=2)) if ids else []
    return Note(
        draw(laws.note_ids),
        text,
        spans=tuple(draw(laws.spans(len(text), one)) for one in ids),
        relations=tuple(draw(laws.relations(ids, one)) for one in links),
        meta=draw(laws.mappings | st.just({"patient": "Ann Abbot", "kept": 1})),
        x=draw(laws.mappings),
    )


@pytest.mark.parametrize("kind", KINDS)
@law
@given(note=identified())
def test_what_was_de_identified_comes_back_exactly(stages, kind, note):
    done = stages[kind](note)
    assert done.deidentified
    assert back(done, stages[kind]._vault) == note


@law
@given(note=laws.notes().map(lambda note: note.replace(deidentified=False)))
def test_any_note_comes_back_exactly(stages, note):
    assert back(stages["safe-harbor"](note), stages["safe-harbor"]._vault) == note


@law
@given(note=identified())
def test_what_others_add_comes_along_and_the_rest_stays_exact(stages, note):
    done = stages["remove"](note)
    if not done.text:
        return
    free = {f"new{number}" for number in range(3)} | {"e1", "p1"}
    own = [Span(((0, len(done.text)),), "PROBLEM", id=one) for one in sorted(free - {span.id for span in done.spans})]
    came = back(done.add(own), stages["remove"]._vault)
    assert {span.id: span for span in note.spans}.items() <= {span.id: span for span in came.spans}.items()
    assert len(came.spans) == len(note.spans) + len(own)
    assert came.text == note.text


TEXT = "Mr. John Abernathy has gout. Abernathy came on 03/12/2024."


def test_a_person_s_corrections_go_back_to_their_places(deid, vault):
    note = Note("n", TEXT, spans=(Span(((4, 8),), "PROBLEM", id="e1"),))
    done = deid(note)
    assert done.quote(done.span("e1")) == ("[PATIENT-1]",)
    at = done.text.index("gout")
    found = done.add([Span(((at, at + 4),), "PROBLEM")], [Relation("of", "e1", "e1")]).update(
        [dataclasses.replace(done.span("e1"), status="accepted", comment="mine")]
    )
    came = back(found, vault)
    assert came.span("e1") == dataclasses.replace(note.span("e1"), status="accepted", comment="mine")
    assert came.quote(came.span("e2")) == ("gout",)
    assert came.relations == found.relations
    assert came.layer("phi") == ()
    assert not came.deidentified


def test_a_span_that_a_person_moved_lies_where_they_put_it(deid, vault):
    done = deid(Note("n", TEXT, spans=(Span(((4, 8),), "PROBLEM", id="e1"),)))
    at = done.text.index("gout")
    came = back(done.update([dataclasses.replace(done.span("e1"), at=((at, at + 4),))]), vault)
    assert came.quote(came.span("e1")) == ("gout",)


def test_a_span_that_a_person_deleted_stays_deleted(deid, vault):
    done = deid(Note("n", TEXT, spans=(Span(((23, 27),), "PROBLEM", id="e1"), Span(((8, 27),), "X", id="e2"))))
    assert back(done.keep(["phi"]), vault).spans == ()


def test_identifiers_that_a_person_changed_added_or_linked_stay(deid, vault):
    done = deid(Note("n", TEXT))
    first, second, third = done.layer("phi")
    changed = done.update([dataclasses.replace(first, comment="a nickname")])
    changed = changed.add([Span(second.at, "RELATIVE", layer="phi")], [Relation("x", third.id, third.id)])
    came = back(changed, vault)
    assert [(one.label, came.quote(one)[0]) for one in came.layer("phi")] == [
        ("PATIENT", "John Abernathy"),
        ("RELATIVE", "Abernathy"),
        ("DATE", "03/12/2024"),
    ]


@law
@given(note=identified(), data=st.data())
def test_whatever_else_is_taken_from_a_note_comes_back(note, data):
    edges = sorted(data.draw(st.sets(st.integers(0, len(note.text)), max_size=6)))
    edits = [
        Edit(start, end, data.draw(st.sampled_from(["", "X", "[TAG-1]"])))
        for start, end in zip(edges[::2], edges[1::2], strict=False)
    ]
    redaction = Redaction(tuple(edits))
    done = redaction.redact(note).replace(meta={}, x={}, deidentified=True)
    bare = [dataclasses.replace(one, comment="", x={}, was=None) for one in done.spans]
    done = done.replace(spans=tuple(bare), relations=tuple(dataclasses.replace(one, x={}) for one in done.relations))
    record = json.loads(json.dumps(way_back(note, done, redaction)))
    assert restored(done, record) == note
    if done.spans:
        mine = dataclasses.replace(done.spans[0], label="MINE", comment="mine")
        came = restored(done.update([mine]), record)
        assert came.span(mine.id) == dataclasses.replace(note.span(mine.id), label="MINE", comment="mine")


def test_meta_that_was_kept_stays_as_it_is_now_and_meta_that_was_dropped_comes_back(vault, key_file):
    stage = Deid(vault=vault.path, key_file=key_file, keep_meta=["ward"])
    done = stage(Note("n", TEXT, meta={"patient": "John Abernathy", "ward": 3}))
    edited = done.replace(meta={"ward": 4, "patient": "p7"})
    assert back(edited, vault).meta == {"patient": "John Abernathy", "ward": 4}


def test_a_newcomer_gives_way_to_the_one_whose_id_it_bears(vault, key_file):
    stage = Deid(policy=Policy("own", "", "remove", {}), vault=vault.path, key_file=key_file)
    spans = (Span(((4, 18),), "X", id="e1"), Span(((23, 27),), "X", id="e2"))
    note = Note("n", TEXT, spans=spans, relations=(Relation("of", "e1", "e2", id="r1"),))
    done = stage(note)
    assert [span.id for span in done.spans] == ["e2"]
    came = back(done.add([Span(((0, 2),), "NEW", id="e1")], [Relation("new", "e1", "e2", id="r1")]), vault)
    assert came.span("e1") == note.span("e1")
    assert came.span("e1-2").label == "NEW"
    assert {(one.id, one.type, one.source) for one in came.relations} == {("r1", "of", "e1"), ("r1-2", "new", "e1-2")}


def test_a_lost_span_whose_id_was_given_to_an_identifier_comes_back(vault, key_file):
    stage = Deid(policy=Policy("own", "", "tag", {"DATE": "remove"}), vault=vault.path, key_file=key_file)
    note = Note("n", TEXT, spans=(Span(((47, 57),), "VISIT", id="p1"),))
    done = stage(note)
    assert done.span("p1").label == "PATIENT"
    assert back(done, vault) == note
    came = back(done.update([dataclasses.replace(done.span("p1"), status="accepted")]), vault)
    assert came.span("p1") == note.span("p1")
    assert (came.span("p1-2").label, came.quote(came.span("p1-2"))) == ("PATIENT", ("John Abernathy",))


def test_a_lost_relation_stays_away_when_a_person_deleted_its_other_end(vault, key_file):
    stage = Deid(policy=Policy("own", "", "remove", {}), vault=vault.path, key_file=key_file)
    spans = (Span(((4, 18),), "X", id="e1"), Span(((23, 27),), "X", id="e2"))
    done = stage(Note("n", TEXT, spans=spans, relations=(Relation("of", "e1", "e2", id="r1"),)))
    came = back(done.replace(spans=()), vault)
    assert [span.id for span in came.spans] == ["e1"]
    assert came.relations == ()


def test_the_vault_tells_nothing_without_the_key(deid, vault):
    deid(Note("ward-7/Abernathy", TEXT, meta={"patient": "Zebulon"}))
    held = vault.path.read_bytes()
    for secret in ("Abernathy", "John", "2024", "Zebulon", "ward", "gout", "patient", SECRET):
        assert secret.encode() not in held
    assert SECRET not in repr(vault) + repr(vars(vault))


def test_records_of_like_notes_look_alike_and_no_two_are_the_same(deid, vault):
    for name, text in (("a", "Mr. Ng came."), ("b", "Mr. Featherstonehaugh came."), ("a", "Mr. Ng came.")):
        deid(Note(name, text))
    lines = [json.loads(line) for line in vault.path.read_bytes().splitlines()[1:]]
    assert len({len(line["sealed"]) for line in lines}) == 1
    assert len({line["sealed"] for line in lines}) == 3
    assert len({line["id"] for line in lines}) == 2


def test_two_vaults_of_one_secret_share_no_key(tmp_path):
    one, two = (Vault(tmp_path / name, SECRET.encode(), writing=True) for name in ("one", "two"))
    for vault in (one, two):
        vault.append("n", {"a": 1})
    lines = [[json.loads(line) for line in vault.path.read_bytes().splitlines()] for vault in (one, two)]
    assert lines[0][1]["id"] != lines[1][1]["id"]
    assert one.fingerprint != two.fingerprint


def test_the_last_record_of_a_note_counts(vault):
    vault.append("n", {"a": 1})
    vault.append("n", {"a": 2})
    assert Vault(vault.path, SECRET.encode()).records("n") == [{"a": 2}, {"a": 1}]


def test_a_note_may_come_back_from_either_of_two_policies(deid, vault, key_file):
    masked = Deid(policy="mask-all", vault=vault.path, key_file=key_file)
    note = Note("n", TEXT)
    assert back(deid(note), vault) == back(masked(note), vault) == note
    assert back(deid(note), vault) == note


def test_another_secret_is_refused_before_anything_is_processed(deid, vault, tmp_path):
    (tmp_path / "other").write_text(SECRET + "!")
    with pytest.raises(VaultError, match=r"notes\.vault was made with another secret"):
        Deid(vault=vault.path, key_file=tmp_path / "other")
    with pytest.raises(VaultError, match="another secret"):
        Vault(vault.path, b"another secret altogether")


@pytest.mark.parametrize("secret", [None, "short"])
def test_a_vault_without_a_proper_secret_is_refused_and_not_made(monkeypatch, tmp_path, secret):
    monkeypatch.delenv("MEDTEXT_KEY", raising=False)
    if secret:
        monkeypatch.setenv("MEDTEXT_KEY", secret)
    with pytest.raises(ConfigError, match="secret"):
        Deid(vault=tmp_path / "notes.vault")
    assert not (tmp_path / "notes.vault").exists()


def _flipped(line, key):
    """A line of a vault in which one bit of one field is another."""
    record = json.loads(line)
    middle = len(record[key]) // 2
    other = "A" if record[key][middle] != "A" else "B"
    return json.dumps(record | {key: record[key][:middle] + other + record[key][middle + 1 :]}).encode()


def _rewritten(vault, *lines):
    vault.path.write_bytes(b"".join(line + b"\n" for line in lines))


def test_a_changed_record_names_its_note_and_never_gives_garbage(deid, vault):
    done = deid(Note("n7", TEXT))
    header, line = vault.path.read_bytes().splitlines()
    _rewritten(vault, header, _flipped(line, "sealed"))
    with pytest.raises(VaultError, match=r"record of note 'n7' in .* was changed"):
        back(done, vault)


@pytest.mark.parametrize("sealed", ["", "AAAA", "no base64!", "A" * 40])
def test_a_record_that_is_no_cipher_text_is_a_changed_one(deid, vault, sealed):
    done = deid(Note("n7", TEXT))
    header, line = vault.path.read_bytes().splitlines()
    _rewritten(vault, header, json.dumps(json.loads(line) | {"sealed": sealed}).encode())
    with pytest.raises(VaultError, match="note 'n7'"):
        back(done, vault)


def test_a_record_put_under_another_note_is_refused(deid, vault):
    deid(Note("one", TEXT))
    done = deid(Note("two", TEXT))
    header, one, two = map(json.loads, vault.path.read_bytes().splitlines())
    _rewritten(vault, *(json.dumps(part).encode() for part in (header, two | {"sealed": one["sealed"]})))
    with pytest.raises(VaultError, match="note 'two'"):
        back(done, vault)


def test_a_note_that_the_vault_lacks_or_that_was_edited_is_refused(deid, vault):
    done = deid(Note("n", TEXT))
    with pytest.raises(VaultError, match="no record"):
        back(done.replace(id="m"), vault)
    with pytest.raises(VaultError, match="edited"):
        back(done.replace(text=done.text + " "), vault)


def test_a_torn_last_line_is_tolerated_and_the_next_record_is_whole(deid, vault):
    note = Note("n", TEXT)
    deid(Note("torn", TEXT))
    whole = vault.path.read_bytes()
    vault.path.write_bytes(whole[:-40])
    assert Vault(vault.path, SECRET.encode()).damaged == [2]
    done = deid(note)
    assert back(done, vault) == note
    assert Vault(vault.path, SECRET.encode()).damaged == [2]
    assert vault.path.read_bytes().startswith(whole[:-40])


@pytest.mark.parametrize("held", [b"id,text\n1,hello\n", b'{"format":"medtext-vault/1"', b"{}\n", b"[]\n", b"\xff"])
def test_a_file_that_is_no_vault_is_refused_and_left_as_it_is(tmp_path, key_file, held):
    path = tmp_path / "notes.csv"
    path.write_bytes(held)
    with pytest.raises(VaultError, match=r"notes\.csv is no vault"):
        Deid(vault=path, key_file=key_file)
    assert path.read_bytes() == held


def test_a_vault_of_a_later_version_is_refused_by_name(tmp_path, key_file):
    (tmp_path / "v").write_text('{"format":"medtext-vault/2"}\n')
    with pytest.raises(VaultError, match="'medtext-vault/2'; this version of medtext reads 'medtext-vault/1'"):
        Deid(vault=tmp_path / "v", key_file=key_file)


def test_a_vault_that_cannot_be_written_stops_at_load(tmp_path, key_file):
    with pytest.raises(VaultError, match="cannot be written: Is a directory"):
        Deid(vault=tmp_path, key_file=key_file)
    (tmp_path / "file").write_text("")
    with pytest.raises(VaultError, match="cannot be written"):
        Deid(vault=tmp_path / "file" / "v", key_file=key_file)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_vault_opens_for_the_way_back_only(vault, key_file):
    vault.path.chmod(0o400)
    assert Vault(vault.path, SECRET.encode()).records("n") == []
    with pytest.raises(VaultError, match="cannot be written: Permission denied"):
        Deid(vault=vault.path, key_file=key_file)


def test_a_vault_that_goes_away_stops_every_note_and_is_not_made_anew(deid, vault):
    vault.path.unlink()
    with pytest.raises(StageError, match=r"note 'n': The vault .* cannot be written"):
        Pipeline([deid])(Note("n", TEXT))
    assert not vault.path.exists()


def test_a_note_whose_record_cannot_be_kept_does_not_leave(deid, vault):
    with pytest.raises(NoteError, match="Note 'n' holds a value that JSON cannot"):
        deid(Note("n", TEXT, meta={"seen": object()}))
    assert len(vault.path.read_bytes().splitlines()) == 1


def test_only_its_owner_may_read_a_new_vault(vault):
    assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600


def test_the_stage_says_which_vault_it_keeps(deid, vault):
    assert deid.describe()["vault"] == vault.fingerprint
    assert Deid().describe()["vault"] == "none"


def _append_many(vault, name):
    for number in range(40):
        vault.append(f"{name}-{number}", {"filler": "x" * 5000, "number": number})


def test_processes_that_write_at_once_lose_nothing(vault):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append_many, args=(vault, name)) for name in "ab"]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    read = Vault(vault.path, SECRET.encode())
    assert [read.records(f"{name}-{number}")[0]["number"] for name in "ab" for number in range(40)] == [*range(40)] * 2
    assert read.damaged == []


def test_a_writer_waits_for_another(vault):
    fcntl = pytest.importorskip("fcntl")
    writer = threading.Thread(target=vault.append, args=("n", {"a": 1}))
    with vault.path.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        writer.start()
        writer.join(0.2)
        assert writer.is_alive()
    writer.join(10)
    assert vault.records("n") == [{"a": 1}]


def test_a_copy_for_another_process_keeps_the_same_vault(vault):
    pickle.loads(pickle.dumps(vault)).append("n", {"a": 1})
    assert Vault(vault.path, SECRET.encode()).records("n") == [{"a": 1}]


def test_a_vault_for_marks_alone_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="a vault would stay empty"):
        Deid(replace="mark", vault=tmp_path / "vault")
