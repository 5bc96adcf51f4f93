"""The models that ship with medtext: one folder each, under the name by which a pipeline asks for it."""
