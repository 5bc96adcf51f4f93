"""How much is done at once: whole files through a pipeline, with a manifest beside the result."""
