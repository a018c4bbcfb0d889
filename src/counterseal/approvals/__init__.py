"""Approvals: what a person has approved is used once."""
