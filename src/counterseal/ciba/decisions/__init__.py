"""The decisions: pure functions, a module for each subject."""
