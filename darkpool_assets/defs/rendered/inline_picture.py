"""Small pictures in the Dagster UI, which shows a data address in Markdown and strips everything else."""

import base64

import dagster as dg


def inline_picture(words: str, picture: bytes) -> dg.MarkdownMetadataValue:
    """A PNG of about 30 kB as metadata; of a range only the newest day should get one, to keep the event log small."""
    return dg.MetadataValue.md(f"![{words}](data:image/png;base64,{base64.b64encode(picture).decode()})")
