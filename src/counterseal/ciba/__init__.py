"""CIBA: clients, and realms of Keycloak, ask for authentication and learn the outcome."""
