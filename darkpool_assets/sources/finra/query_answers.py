"""Answers of FINRA's Query API, over the wire or saved to a file: JSON rows, or nothing at all where there is none.

Paging stands in query_api.py, columns and types in the reader of each dataset.
"""

from darkpool_assets.sources.content import Content
from darkpool_assets.sources.json_records import JsonRows, read_json_rows


def read_query_answer(content: Content) -> JsonRows:
    """The rows of one answer; an empty body, which the service sends with 200 and 204, holds none.

    Raises:
        BrokenContent, MalformedSource: see read_json_rows.
    """
    return read_json_rows(content) if content.whole().strip() else JsonRows(content.name, [], {})
