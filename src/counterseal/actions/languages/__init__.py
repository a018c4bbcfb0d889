"""The words of actions: a module for each language, all of them with the same names."""
