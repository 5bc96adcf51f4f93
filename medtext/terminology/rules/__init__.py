"""What the linker knows of words, laboratories and drugs, as YAML."""
