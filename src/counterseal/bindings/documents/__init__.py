"""The documents: what is signed or sent, a module for each format."""
