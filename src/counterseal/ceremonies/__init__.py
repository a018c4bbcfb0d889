"""Ceremonies of WebAuthn: browsers register passkeys of users, and use them."""
