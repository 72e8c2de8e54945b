"""Mutated study files, profile files and networks through the command line; CONTRIBUTING.md says how."""
