"""Django's settings."""

import os

from sqlalchemy import make_url

SHOP_URL = os.environ["SHOP_URL"]
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = [make_url(SHOP_URL).host]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.sessions", "shop"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "shop.views.ShowRefusals",
]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SHOP_URL.startswith("https:")
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
USE_TZ = True

database = make_url(os.environ["DATABASE_URL"])
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database.database,
        "USER": database.username,
        "PASSWORD": database.password,
        "HOST": database.host or database.query.get("host"),
        "PORT": database.port or "",
        "CONN_MAX_AGE": 60,  # seconds; each thread has one connection
    }
}
