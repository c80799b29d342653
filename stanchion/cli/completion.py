"""completion: the script that completes verbs and options in a shell."""

from __future__ import annotations

import click

from stanchion.cli.command import Verb

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    cls=Verb, examples=('eval "$(stanchion completion bash)"', "stanchion completion fish | source")
)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print the completion script of bash, zsh or fish for the command `stanchion`."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"There is no completion for {shell}.", ctx)
    click.echo(found(ctx.find_root().command, {}, "stanchion", "_STANCHION_COMPLETE").source())
    return 0
