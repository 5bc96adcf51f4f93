"""Pipelines: needs are checked when they are built, order is kept, one bad note does not stop the others."""

import pytest

from medtext import Note, Pipeline, Span, load
from medtext.errors import ConfigError, Problem, StageError


class Marker:
    """Marks the first character; breaks on notes whose text says so."""

    needs = frozenset()
    adds = frozenset({"entity"})

    def __init__(self, name="marker", needs=(), adds=("entity",)):
        self.name, self.needs, self.adds = name, frozenset(needs), frozenset(adds)

    def __call__(self, note):
        if "BREAK" in note.text:
            raise KeyError(note.text)
        return note.add([Span(((0, 1),), "PROBLEM")])


class Batched(Marker):
    """The same by batches; remembers their sizes."""

    def __init__(self):
        super().__init__("batched")
        self.sizes = []

    def pipe(self, notes):
        notes = list(notes)
        self.sizes.append(len(notes))
        return [self(note) for note in notes]


def notes(*texts):
    return [Note(f"n{number}", text) for number, text in enumerate(texts)]


def test_a_need_that_no_earlier_stage_meets_is_refused_when_the_pipeline_is_built():
    with pytest.raises(
        ConfigError, match=r"Stage 'a' needs 'sentence', which no earlier stage adds\. Add 'b' before it\."
    ):
        Pipeline([Marker("a", needs=["sentence"]), Marker("b", adds=["sentence"])])


def test_what_the_notes_bring_along_counts():
    assert Pipeline([Marker("a", needs=["sentence"])], given=["sentence"])


def test_order_is_kept_and_batches_are_seen():
    stage = Batched()
    done = list(Pipeline([stage]).pipe(notes(*"abcde"), batch_size=2))
    assert [note.id for note in done] == ["n0", "n1", "n2", "n3", "n4"]
    assert stage.sizes == [2, 2, 1]


def test_notes_flow_lazily():
    def endless():
        number = 0
        while True:
            yield Note(f"n{number}", "text")
            number += 1

    assert next(Pipeline([Marker()]).pipe(endless(), batch_size=3)).id == "n0"


@pytest.mark.parametrize("stage", [Marker(), Batched()])
def test_a_note_that_breaks_a_stage_is_reported_without_text_and_the_others_go_on(stage):
    problems: list[Problem] = []
    done = list(Pipeline([stage]).pipe(notes("one", "BREAK secret", "three"), on_problem=problems.append))
    assert [note.id for note in done] == ["n0", "n2"]
    assert all(len(note.spans) == 1 for note in done)
    (problem,) = problems
    assert problem.note_id == "n1"
    assert "KeyError at test_pipeline.py" in problem.message
    assert "secret" not in str(problem)


def test_without_a_listener_a_broken_stage_is_an_error_that_does_not_quote_the_note():
    with pytest.raises(StageError) as caught:
        Pipeline([Marker()])(Note("n1", "BREAK secret"))
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_stage_that_loses_a_note_is_caught():
    class Loses(Marker):
        def pipe(self, notes):
            return list(notes)[1:]

    done = list(Pipeline([Loses()]).pipe(notes("one", "two")))
    assert [note.id for note in done] == ["n0", "n1"]


def test_only_deid_may_change_the_text():
    class Shouts(Marker):
        def __call__(self, note):
            return note.replace(text=note.text.upper())

    with pytest.raises(StageError, match="changed the text of note 'n0'"):
        Pipeline([Shouts()])(notes("one")[0])


def test_layers_that_are_not_kept_go_at_the_end():
    pipeline = Pipeline([Marker()], keep=["phi"])
    assert pipeline(notes("one")[0]).spans == ()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"stages": ["sentences"], "stage": 1}, "unknown key 'stage' in a pipeline. Known keys: name, description"),
        ({"stages": ["sentance"]}, "Unknown stage 'sentance'. Stages: assertion, deid"),
        ({"stages": [{"sentences": {"rulez": 1}}]}, "unknown key 'rulez' in stage sentences. Known keys: "),
        ({"stages": []}, "a pipeline needs 'stages'"),
        ({"stages": [7]}, "each stage is a name, or a name with its options"),
        ({"stages": ["assertion"]}, "Stage 'assertion' needs '"),
        ({"stages": "sentences"}, "'stages' must be a list"),
    ],
)
def test_a_configuration_that_cannot_be_right_is_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        load(config)


def test_a_configuration_file_is_refused_with_file_and_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nstages:\n- sentences\ncolour: red\n")
    with pytest.raises(ConfigError, match=r"mine.yaml:4: unknown key 'colour'"):
        load(path)


def test_the_default_pipeline_says_what_it_relies_on():
    about = load("default").describe()
    assert [step["stage"] for step in about["stages"]][:1] == ["deid"]
    assert about["keep"] == ["phi", "section", "entity"]


def stages_of(name):
    return [{key: value for key, value in step.items() if key != "adds"} for step in load(name).describe()["stages"]]


def test_preannotate_is_the_default_pipeline_for_notes_that_are_deidentified_already():
    assert stages_of("preannotate") == stages_of("default")[1:]


def test_rules_is_the_default_pipeline_without_its_model():
    default, rules = stages_of("default"), stages_of("rules")
    assert [step for step in default[1:] if step["stage"] != "entities"] == rules[1:]
    assert {"names", "neural"} == {key for key in default[0] if default[0][key] != rules[0][key]}
    assert rules[0]["neural"] == "none"


@pytest.mark.parametrize("name", ["default", "rules", "preannotate", "deid"])
def test_every_shipped_pipeline_loads_and_is_named_as_its_file(name):
    assert load(name).name == name
