"""The application factory."""

from __future__ import annotations

import os

from flask import Flask
from werkzeug.routing import BaseConverter

from . import errors, metrics
from .config import Settings
from .db import Database
from .routes import debug, doses, health, medications, schedules

MOST_BODY_BYTES = 64 * 1024


class IdConverter(BaseConverter):
    """An id that fits into a bigint column; with any other the path does not exist."""

    regex = "[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value)


def create_app(settings: Settings | None = None) -> Flask:
    """Makes the application and its engine; gunicorn calls this in each worker, after the fork."""
    settings = settings or Settings.from_environment(os.environ)
    app = Flask(__name__)
    app.url_map.converters["id"] = IdConverter
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.extensions["database"] = Database(settings)
    metrics.measure_requests(app)
    errors.register(app)
    for module in (health, metrics, medications, schedules, doses):
        app.register_blueprint(module.blueprint)
    if settings.debug_routes:
        app.register_blueprint(debug.blueprint)
    return app
