"""Stanchion: deploy, validate, back up, recover and monitor a Postgres and backend stack in Docker."""

from importlib.metadata import version

__version__ = version("stanchion")
