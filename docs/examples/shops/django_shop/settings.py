"""Django's settings."""

import os

from sqlalchemy import make_url

from counterseal.models.passkeys import origin_of

SHOP_URL = os.environ["SHOP_URL"]
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = [make_url(SHOP_URL).host]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.sessions", "counterseal_django", "shop"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "shop.middleware.ShopPages",
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
DATABASES["counterseal"] = {**DATABASES["default"], "TEST": {"MIRROR": "default"}}

COUNTERSEAL = {
    "URL": f"{SHOP_URL}/auth",  # where shop.urls includes counterseal_django.urls
    "KEYS": os.environ["KEYS"],
    "TENANCY": "example.com/django-shop",  # your own name for it, which never changes
    "COMPANY": "Example",
    "APP_SPACE": "Example shop",  # users read this name on their device
    "ORIGIN": "Web shop",
    "ACCOUNT_ID": str,  # this shop's users are names; by default, it is `user.pk`
    "CONNECTIONS": 8,  # for the threads that do not wait
    # Calls of open browser devices that wait at once: each has one of gunicorn's 24 threads.
    "HTTP": {"waiters": 16},
    # Passkeys are for a host's name; at an address such as 127.0.0.1, people choose a PIN.
    "POLICY": {"passkey_origin": origin_of(SHOP_URL)},
}
