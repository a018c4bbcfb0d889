"""Operators: administrators log in as persons, and their sessions."""
