"""The pages that the types of problems lead to, for people."""

import html

from mla_tracker.api.problems import Kind, all_kinds


def page(kind: Kind) -> str:
    """A small page that documents one kind of problem."""
    title, meaning = html.escape(kind.title), html.escape(kind.meaning)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body><h1>{title}</h1><p><code>{kind.type}</code>, status {kind.status}</p><p>{meaning}</p>"
        '<p><a href="/problems">All problems</a> · <a href="/schema">API '
        "documentation</a></p></body></html>\n"
    )


def index_page() -> str:
    """A small page that lists all kinds of problems."""
    rows = "".join(
        f'<li><a href="{kind.type}">{kind.slug}</a> ({kind.status}): {html.escape(kind.title)}</li>'
        for kind in all_kinds()
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Problems</title></head>\n'
        f"<body><h1>Problems</h1><ul>{rows}</ul></body></html>\n"
    )
