"""What all pages of the report site share: their frame, the heading with its marks, and the disclaimer at the foot.

No content of a day is decided here. `html_page` makes the document.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

from darkpool_assets.rendering.html_page import escaped, generated_line, icon_markup, packaged_text, page
from darkpool_assets.rendering.site.site_columns import FROM_BUYING_TO_SELLING, SIDE_TINTS, label_words
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE

_SITE_STYLE: Final = "site/site.css"


def site_page(
    *,
    title: str,
    bar: str,
    parts: Sequence[str],
    generated_at: dt.datetime | None,
    scripts: Sequence[str],
    script_files: Sequence[str] = (),
    style: str = "",
) -> str:
    """A whole page.

    Args:
        title: Text of the title.
        bar: Markup of the navigation.
        parts: Markup of the content, in reading order; empty parts are left out.
        generated_at: The moment (aware) of the line at the foot; without one there is no such line.
        scripts: Names of the packaged scripts that run after the body, in this order.
        script_files: Addresses of scripts beside the page, run before those.
        style: Rules besides those of the site.
    """
    foot = f'<p class="disclaimer"><b>Disclaimer.</b> {escaped(DISCLAIMER)}</p>'
    content = "\n".join(part for part in (*parts, foot, generated_line(generated_at)) if part)
    return page(
        title=title,
        body=f'{bar}\n<main id="content" tabindex="-1">\n{content}\n</main>',
        script="\n".join(packaged_text(name) for name in scripts),
        skip_to="the content",
        style=packaged_text(_SITE_STYLE) + style,
        script_files=script_files,
        without_icon=True,
    )


def heading(text: str, *, sample_data: bool, after: str = "") -> str:
    """The page's one h1, the sample mark beside it; `after` is markup inside the heading."""
    sample = f'<strong class="sample">{SAMPLE_DATA_NOTICE}</strong>' if sample_data else ""
    return f'<header class="head"><h1>{escaped(text)}{after}</h1>{sample}</header>'


def tally(labels: Mapping[str, int], *, name: str = "tally") -> str:
    """How many symbols carry each label, from buying to selling; labels that nobody carries are left out."""
    known = [label for label in FROM_BUYING_TO_SELLING if labels.get(label)]
    others = sorted(label for label, count in labels.items() if count and label not in FROM_BUYING_TO_SELLING)
    entries = []
    for label in (*known, *others):
        words, icon = label_words(label)
        tint = SIDE_TINTS.get(label)
        colour = f' class="tint {tint.hue}-{tint.step}"' if tint else ""
        entries.append(f"<li{colour}>{icon_markup(icon)}<b>{labels[label]}</b> {escaped(words)}</li>")
    return f'<ul class="{name}" aria-label="Symbols by label">{"".join(entries)}</ul>' if entries else ""


def links_line(words: str, links: Sequence[tuple[str, str]]) -> str:
    """A line of links to files beside the page, (text, address) each; nothing for no links."""
    linked = " · ".join(f'<a href="{escaped(address)}">{escaped(text)}</a>' for text, address in links)
    return f'<p class="files">{escaped(words)} {linked}</p>' if links else ""
