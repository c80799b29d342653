"""Stanchion: deploy, validate, back up, recover and monitor a Postgres and backend stack in Docker."""


def __getattr__(name: str) -> str:
    # Read when asked for: it takes longer than all that --help does.
    if name == "__version__":
        from importlib.metadata import version

        return version("stanchion")
    raise AttributeError(name)
