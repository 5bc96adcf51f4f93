"""What codes exist: tables of concepts, the matcher that finds their forms, the linker from words to codes."""
