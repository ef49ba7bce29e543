"""`python -m fleet`: serve, and the commands of operators and contributors."""

import importlib
import sys

import click

from fleet.settings import BadSetting, Settings, variables

COMMANDS = {
    "serve": ("fleet.server.command", "serve"),
    "demo": ("fleet.demo.command", "demo"),
    "agent": ("fleet.bundled_agent.__main__", "main"),
    "vendor": ("fleet.web.vendor", "vendor"),
    "migration": ("fleet.commands", "migration"),
}
"""Command -> module and function; imported only when called, so that serving starts fast."""


class Commands(click.Group):
    """Commands that are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), function)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, and the environment variables that configure them."""
        super().format_commands(ctx, formatter)
        with formatter.section("Settings (environment variables)"):
            formatter.write_dl([(name, described(default, text)) for name, default, text in settings_table()])


def settings_table() -> list[tuple[str, str, str]]:
    """Every setting: its variable, its default as text, and what it is for."""
    rows = []
    for variable, section, field, info in variables():
        holder = getattr(Settings(), section) if section else Settings()
        name = next((n for n, f in type(holder).model_fields.items() if field in (n, f.alias)), field)
        rows.append((variable, default_text(getattr(holder, name)), info.description or ""))
    return rows


def default_text(value: object) -> str:
    """A default as one would write it into the environment."""
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if hasattr(value, "total_seconds"):
        seconds = int(value.total_seconds())
        return f"{seconds // 3600}h" if seconds and seconds % 3600 == 0 else f"{seconds}s"
    return value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)


def described(default: str, text: str) -> str:
    """What a setting is for, with its default where it has one."""
    return f"{text} [{default}]" if default else text


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Fleet: know what is true on every host, right now."""


def run() -> None:
    """Run the command line; a setting that cannot be used is one clear line and exit status 2."""
    try:
        main(prog_name="fleet")
    except BadSetting as bad:
        click.echo(f"fleet: {bad}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    run()
