"""The composition root: Counterseal as a program, and its command line."""
