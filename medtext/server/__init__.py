"""Our own server: a machine-learning backend for Label Studio, its stream of corrections, and a look-up of codes."""
