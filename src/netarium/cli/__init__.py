"""The ``netarium`` command: one file a group of verbs; each parses, calls and prints."""
