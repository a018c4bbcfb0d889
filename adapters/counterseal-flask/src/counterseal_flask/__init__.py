"""
Counterseal over HTTP: Flask blueprints over the use cases, for anyone's Flask app.

    app = Flask(__name__)
    settings = Settings(public_url="https://auth.example.com")
    for blueprint in create_blueprints(ports, policy, settings):
        app.register_blueprint(blueprint)
"""

from __future__ import annotations

from counterseal_flask.admin_api import ADMIN_API
from counterseal_flask.blueprints import (
    admin_blueprint,
    create_blueprints,
    device_blueprint,
    service_blueprint,
)
from counterseal_flask.description import OPERATIONS
from counterseal_flask.openapi import openapi
from counterseal_flask.problems import STATUS
from counterseal_flask.service import Service
from counterseal_flask.settings import Settings

__all__ = [
    "ADMIN_API",
    "OPERATIONS",
    "STATUS",
    "Service",
    "Settings",
    "admin_blueprint",
    "create_blueprints",
    "device_blueprint",
    "openapi",
    "service_blueprint",
]
