"""What no page may ever do: break the policy, report an error, ask another origin, fail."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

VIOLATION = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""

# Chromium and htmx report each answer of 400 and above; the tests assert those that they expect, and 500 never passes.
_STATUS = re.compile(
    r"(Failed to load resource: the server responded with a status of|Response Status Error Code) "
    r"4(00|01|03|04|09|22|29) "
)
_PARTS = {"script", "stylesheet", "image", "font", "manifest"}


class Watch:
    """Listens to every page of a context."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._origin = urlsplit(url).netloc
        self.faults: list[str] = []
        context.add_init_script(VIOLATION)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.faults.append(f"uncaught: {error.error}"))
        context.on("request", self._asked)
        context.on("response", self._answered)
        context.on("page", self._opened)

    def _opened(self, page: Page) -> None:
        page.on("crash", lambda _: self.faults.append("the page crashed"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not _STATUS.match(message.text):
            self.faults.append(f"console: {message.text} ({message.location.get('url')})")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self._origin:
            self.faults.append(f"another origin: {request.url}")

    def _answered(self, response: Response) -> None:
        asset = response.status >= 400 and response.request.resource_type in _PARTS
        if response.status >= 500 or asset:
            self.faults.append(f"{response.status} {response.request.method} {response.url}")


def sideways(page: Page) -> str:
    """What makes the page wider than its window; empty when nothing does."""
    return str(
        page.evaluate(
            """() => {
  const width = window.innerWidth;
  if (document.documentElement.scrollWidth <= width) return "";
  const beyond = (node) => node.getBoundingClientRect().right > width + 1;
  const wide = [...document.body.querySelectorAll("*")].filter(beyond);
  return wide.slice(0, 5).map((node) => `${node.tagName}.${node.className}`).join(" ") || "the page";
}"""
        )
    )
