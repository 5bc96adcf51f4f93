"""How the tests of readers look at rows."""

import pytest

from medtext.terminology.readers import reader
from medtext.terminology.readers.files import Files
from medtext.terminology.rows import ConceptRow, FactRow, LinkRow, Tally, TermRow


class Read:
    """The rows that a reader gives for some paths, by kind."""

    def __init__(self, name, *paths, **options):
        files = Files(paths)
        self.release = reader(name).release(files)
        self.rows = list(reader(name).rows(files, **options))
        self.concepts = {row.code: row for row in self._of(ConceptRow)}
        self.terms = self._of(TermRow)
        self.links = self._of(LinkRow)
        self.facts = [(row.code, row.key, row.value) for row in self._of(FactRow)]
        self.left_out = {row.what: row.count for row in self._of(Tally)}

    def _of(self, kind):
        return [row for row in self.rows if isinstance(row, kind)]

    def names(self, code, kind=None):
        return [row.name for row in self.terms if row.code == code and kind in (None, row.kind)]

    def targets(self, code, relation):
        return [row.target for row in self.links if (row.code, row.relation) == (code, relation)]


@pytest.fixture
def read():
    return Read
