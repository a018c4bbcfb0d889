INSTALLED_APPS += ["counterseal_django", "customers"]
DATABASES["counterseal"] = {**DATABASES["default"], "TEST": {"MIRROR": "default"}}
COUNTERSEAL = {
    "URL": "http://localhost:8000/auth",
    "KEYS": BASE_DIR / "keys",
    "TENANCY": "example.com/office",
    "COMPANY": "Example",
}
