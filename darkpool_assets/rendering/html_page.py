"""The shell of every page: one self-contained document that asks for nothing outside itself.

Head, style, content policy, skip link and the sprite of shapes live here; what a page says is made elsewhere. Pages work
from file:// and are the same bytes for the same content.
"""

import base64
import hashlib
import html
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


def page(*, title: str, body: str, script: str) -> str:
    """A whole document: `body` is markup that is already escaped, `title` is text, `script` runs after the body."""
    style = f":root{{{css_variables(LIGHT)}}}@media screen and (prefers-color-scheme:dark){{:root{{{css_variables(DARK)}}}}}"
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_digest(script)}'; form-action 'none'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escaped(title)}</title>\n<style>\n{style}\n{packaged_text('page.css')}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#content">Skip to the table</a>\n{_sprite()}\n{body}\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _sprite() -> str:
    symbols = "".join(f'<symbol id="{icon}" viewBox="0 0 16 16">{shape}</symbol>' for icon, shape in SHAPES.items())
    return f'<svg class="sprite" aria-hidden="true">{symbols}</svg>'
