"""Static pictures without a browser: a typst template of this folder and the data it draws, compiled to PNG.

Data reach a template as JSON only, never as typst source, so that no text can be read as markup or code. Only typst's
own fonts are used: the same data give the same picture on every machine.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import typst

from darkpool_assets.rendering.html_page import packaged_text

FONT: Final = "Libertinus Serif"


def compile_png(template: str, data: Mapping[str, Any], *, ppi: int) -> bytes:
    """The picture of `data` by the template file called `template`, which reads it as `json(bytes(sys.inputs.data))`.

    Args:
        template: Name of a .typ file of this folder; it sets up one page that is as large as its content.
        data: What to draw, as JSON can hold it.
        ppi: Pixels per inch; a typst point is 1/72 inch.
    """
    return typst.compile(
        packaged_text(template).encode(), format="png", ppi=ppi, ignore_system_fonts=True, sys_inputs={"data": data_text(data)}
    )


def data_text(data: Mapping[str, Any]) -> str:
    """`data` as the JSON that a template is given."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
