"""Bindings: devices and their keys, from the invitation to the end."""
