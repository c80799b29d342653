"""Stanchion: deploy a Postgres database and its backend to Docker hosts, checked before and after."""


def __getattr__(name: str) -> str:
    # Read when asked for: it takes longer than all that --help does.
    if name == "__version__":
        from importlib.metadata import version

        return version("stanchion")
    raise AttributeError(name)
