"""The shell of every page: one self-contained document that asks for nothing outside itself.

Head, style, content policy, skip link and the sprite of shapes live here; what a page says is made elsewhere. Pages work
from file:// and are the same bytes for the same content.
"""

import base64
import datetime as dt
import hashlib
import html
from collections.abc import Sequence
from importlib import resources

from darkpool_assets.rendering.display_text import printable
from darkpool_assets.rendering.icons import SHAPES, Icon
from darkpool_assets.rendering.theme import DARK, LIGHT, css_variables


def escaped(text: str) -> str:
    """`text` safe in element content and in quoted attributes; characters that HTML does not allow are replaced."""
    return html.escape(printable(text), quote=True)


def packaged_text(name: str) -> str:
    """A style, script or template file of this folder."""
    return resources.files(__package__ or "").joinpath(name).read_text(encoding="utf-8")


def icon_markup(icon: Icon | None) -> str:
    """A shape of the sprite, hidden from screen readers because words always stand beside it."""
    return f'<svg class="icon" aria-hidden="true"><use href="#{icon}"/></svg>' if icon else ""


def listing(name: str, items: Sequence[str]) -> str:
    """A list of the class `name`, its items markup; nothing for no items."""
    return f'<ul class="{name}">' + "".join(f"<li>{item}</li>" for item in items) + "</ul>" if items else ""


def generated_line(moment: dt.datetime | None) -> str:
    """The line at a page's foot that says when (aware) it was made; nothing without a moment."""
    if moment is None:
        return ""
    return f'<p class="generated">Generated {moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC</p>'


def page(
    *,
    title: str,
    body: str,
    script: str,
    skip_to: str = "the table",
    style: str = "",
    script_files: Sequence[str] = (),
    without_icon: bool = False,
) -> str:
    """A whole document.

    Args:
        title: Text of the title.
        body: Markup that is already escaped, with the element of the id "content".
        script: Runs after the body.
        skip_to: What the first link leads to, as text.
        style: Rules besides those of every page.
        script_files: Addresses of scripts beside the page, run before `script`; without any, none but `script` may run.
        without_icon: Say that there is no icon: of a server browsers ask for one, which the policy refuses with a complaint.
    """
    scheme = f":root{{{css_variables(LIGHT)}}}@media screen and (prefers-color-scheme:dark){{:root{{{css_variables(DARK)}}}}}"
    neighbours = " 'self' file:" if script_files else ""  # some browsers do not count a file beside a file as 'self'
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_digest(script)}'{neighbours}; form-action 'none'"
        f"{'; img-src data:' if without_icon else ''}"
    )
    icon = '<link rel="icon" href="data:,">\n' if without_icon else ""
    files = "".join(f'<script src="{escaped(address)}"></script>\n' for address in script_files)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"{icon}<title>{escaped(title)}</title>\n<style>\n{scheme}\n{packaged_text('page.css')}{style}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#content">Skip to {escaped(skip_to)}</a>\n{_sprite()}\n{body}\n'
        f"{files}<script>{script}</script>\n</body>\n</html>\n"
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _sprite() -> str:
    symbols = "".join(f'<symbol id="{icon}" viewBox="0 0 16 16">{shape}</symbol>' for icon, shape in SHAPES.items())
    return f'<svg class="sprite" aria-hidden="true">{symbols}</svg>'
