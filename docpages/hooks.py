"""What mkdocs does beside reading `mkdocs.yml`: pages found by their place, schemas to download."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.utils import get_relative_url

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
SCHEMAS = ("*.json", "*.xsd")
# The theme fetches this one where the search has to work without a server; we have our own copy.
SHIM, OUR_SHIM = "https://unpkg.com/iframe-worker/shim", "javascripts/iframe-worker.js"
# What a browser would fetch when a page is opened; links that a reader follows are none of it.
FETCHED = re.compile(
    r"<(?:script|img|iframe)[^>]+src=\"?(?:https?:)?//[^\">]*|<link[^>]+href=\"?http"
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the guides that `mkdocs.yml` does not name, and the rules."""
    docs = Path(config.docs_dir)
    named = set(_pages(config.nav))
    for section in config.nav or []:
        if isinstance(section, dict) and "How to" in section:
            guides = (path.relative_to(docs).as_posix() for path in docs.glob("how-to/*.md"))
            section["How to"] += sorted(guide for guide in guides if guide not in named)
        if isinstance(section, dict) and "Reference" in section:
            at = section["Reference"].index("rules/index.md")
            section["Reference"][at] = {"Rules": ["rules/index.md", *_rules(docs)]}
    config.nav = [_there(each, docs) for each in config.nav or []]
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the schemas, where the pages say that they can be downloaded."""
    for pattern in SCHEMAS:
        for path in sorted((ROOT / "schemas").glob(pattern)):
            files.append(File.generated(config, f"schemas/{path.name}", abs_src_path=str(path)))
    return files


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001
    """Leave nothing in a page that is fetched from elsewhere.

    Raises:
        PluginError: A page fetches something from another host.
    """
    return _closed(output, page.url)


def on_post_template(output: str, *, template_name: str, config: MkDocsConfig) -> str:  # noqa: ARG001
    """The same for the page of what is not there."""
    return _closed(output, template_name) if template_name.endswith(".html") else output


def _closed(output: str, url: str) -> str:
    output = output.replace(SHIM, get_relative_url(OUR_SHIM, url))
    if fetched := FETCHED.search(output):
        raise PluginError(f"{url}: the page fetches something from elsewhere: {fetched[0]}")
    return output


def _rules(docs: Path) -> list[Any]:
    codes = sorted(path.stem for path in docs.glob("rules/CZ*.md"))
    return [
        {f"{family}xx": [{code: f"rules/{code}.md"} for code in group]}
        for family, group in groupby(codes, key=lambda code: code[:3])
    ]


def _pages(nav: Any) -> list[str]:
    if isinstance(nav, dict):
        nav = list(nav.values())
    if isinstance(nav, list):
        return [page for each in nav for page in _pages(each)]
    return [str(nav)]


def _there(nav: Any, docs: Path) -> Any:
    """The navigation without pages that are not there."""
    if isinstance(nav, dict):
        return {title: _there(each, docs) for title, each in nav.items()}
    if isinstance(nav, list):
        return [_there(each, docs) for each in nav if not _is_missing(each, docs)]
    return nav


def _is_missing(page: Any, docs: Path) -> bool:
    return isinstance(page, str) and not (docs / page).exists()
