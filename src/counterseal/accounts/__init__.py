"""Accounts: the users of an App Space, whether they may take part, and what happens to them."""
