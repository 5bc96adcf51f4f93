"""Rules as data: identifiers, names, sections, cues and quantities in YAML and TSV."""
