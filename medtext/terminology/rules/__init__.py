"""What matching and linking know of words, short forms, laboratories and drugs, as YAML."""
