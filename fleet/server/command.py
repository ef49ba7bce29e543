"""`python -m fleet serve`."""

from pathlib import Path

import click

from fleet.settings import BadSetting, Settings


def _certificate(settings: Settings) -> tuple[Path | None, Path | None]:
    """The certificate and key to serve with, or none without TLS."""
    if not settings.server.tls:
        return None, None
    from fleet.server.tls import certificate

    try:
        cert, key = certificate(settings.server.cert, settings.server.key, settings.data_dir)
    except ValueError as bad:
        raise BadSetting(str(bad)) from bad
    if cert != settings.server.cert:
        click.echo(f"fleet: serving with a self-signed certificate, {cert}")
    return cert, key


@click.command()
def serve() -> None:
    """Serve agents, API, pages and WebSockets on one port until SIGTERM. Configured by environment alone."""
    settings = Settings.load()
    from fleet.application import create_app  # after the settings, so that a bad one is told at once
    from fleet.server.serve import serve as run

    app = create_app(settings)
    cert, key = _certificate(settings)
    run(
        app,
        host=settings.server.host,
        port=settings.server.port,
        cert=cert,
        key=key,
    )
