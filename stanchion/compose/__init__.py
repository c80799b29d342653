"""Compose files and Dockerfiles: read as Docker reads them, with the line of everything, and written."""
