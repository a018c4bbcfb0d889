"""
Counterseal over HTTP: Flask blueprints over the use cases, for anyone's Flask app.

    app = Flask(__name__)
    settings = Settings(public_url="https://auth.example.com")
    for blueprint in create_blueprints(ports, policy, settings):
        app.register_blueprint(blueprint)
"""

from __future__ import annotations

from counterseal_flask.blueprints import (
    admin_blueprint,
    create_blueprints,
    device_blueprint,
    service_blueprint,
)
from counterseal_web import Service, Settings

__all__ = [
    "Service",
    "Settings",
    "admin_blueprint",
    "create_blueprints",
    "device_blueprint",
    "service_blueprint",
]
