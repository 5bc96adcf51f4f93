"""Groups of commands that have a file of their own; each is added to the command line by `medtext.cli`."""
