"""Credentials: the secrets of origins and administrators, and who a request comes from."""
