"""Counterseal as a program: it connects the adapters to the core, and has the commands."""
