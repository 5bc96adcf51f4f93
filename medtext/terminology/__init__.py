"""What codes exist: tables of concepts, the matcher that finds their forms in text, and the linker from words to codes."""
