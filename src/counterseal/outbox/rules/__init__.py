"""The rules: pure functions that take facts, a module for each subject."""
