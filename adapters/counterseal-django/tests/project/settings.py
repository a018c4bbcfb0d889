"""A project as `startproject` makes it, with Counterseal; FOLDER has what it stores."""

import json
import os
from pathlib import Path

FOLDER = Path(os.environ["FOLDER"])
PORT = os.environ.get("PORT", "8000")
SECRET_KEY = "of tests"
DEBUG = "DEBUG" in os.environ
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "counterseal_django",
    "shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # tests log in often
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES = {"default": json.loads(os.environ["DATABASE"])}
if "TEST_NAME" in os.environ:
    DATABASES["default"]["TEST"] = {"NAME": str(FOLDER / os.environ["TEST_NAME"])}
DATABASES["counterseal"] = {**DATABASES["default"], "TEST": {"MIRROR": "default"}}

COUNTERSEAL = {
    "URL": f"http://127.0.0.1:{PORT}/auth",
    "KEYS": FOLDER / "keys",
    "TENANCY": "shop.example/django",
    "COMPANY": "Example Ltd",
    "APP_SPACE": "Example shop",
}
