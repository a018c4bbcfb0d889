"""Tickets: clients of CIBA and realms of Keycloak ask, and learn the outcome."""
