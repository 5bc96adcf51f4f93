"""The law of fhir."""

from hypothesis import given, settings

from medtext import read
from medtext.formats.fhir import FORMAT
from tests.formats.roundtrip import again, example, law
from tests.laws import batches


@settings(max_examples=40, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes_without_what_is_lost(tmp_path_factory, notes):
    law(FORMAT, notes, again(FORMAT, notes, tmp_path_factory.mktemp("fhir")))


def test_the_file_is_told_by_what_is_in_it(tmp_path):
    path = tmp_path / f"notes{FORMAT.extensions[-1] if FORMAT.extensions else ''}"
    if FORMAT.streams:
        with path.open("wb") as stream:
            FORMAT.write([example()], stream)
    else:
        FORMAT.write([example()], path)
    law(FORMAT, [example()], list(read(path)))
