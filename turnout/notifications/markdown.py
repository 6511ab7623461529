"""Texts that people write for mails: Markdown (CommonMark) with placeholders, as text and as HTML.

What stands for a placeholder is put in after the Markdown was read, as text alone: it can be no Markdown, no HTML and
no other placeholder.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from turnout.core.errors import Fault

LINK = "link"  # the one placeholder that is an address: ours, and the only one that a link can lead to

_PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")
_ESCAPED = re.compile(r"\\[{}]")
_LONGEST_SHOWN = 100
_TAGS = {"a", "bdi", "blockquote", "br", "code", "em", "h2", "h3", "hr", "li", "ol", "p", "strong", "ul"}
_DIRECTED = {"blockquote", "h2", "h3", "li", "ol", "p", "ul"}  # each in the direction of its own first letters
_ATTRIBUTES = {"a": {"href"}, "ol": {"start", "dir"}} | {tag: {"dir"} for tag in _DIRECTED - {"ol"}}
_SCHEMES = {"http", "https", "mailto"}
_ADDRESS = re.compile(r"https?://[^/\s]|mailto:[^/\s]", re.IGNORECASE)
_LINK_TO_OURS = f"%7B{LINK}%7D"  # as Markdown writes the placeholder in a link
# Neither HTML nor pictures. Text that is indented is no code: nobody who writes a mail means that.
_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(
    ["html_block", "html_inline", "image", "code", "fence", "text_join"]  # unjoined, `\{` is told from `{`
)

# What makes programs take text for an address, between what stands around it there.
_JOINT = re.compile(r"(?<=\w)[.:@\u3002\uff0e\uff61](?=[\w/])|(?<=/)(?=/)")
# Line breaks, other control characters, and those that turn the direction of the text behind them.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_WORD_JOINER = "\u2060"  # not seen, and no line is broken there


def defused(text: str) -> str:
    """Return what a stranger typed on one line, and so that no mail program makes a link of it. It looks the same."""
    return _JOINT.sub(rf"\g<0>{_WORD_JOINER}", _CONTROL.sub(" ", text))


@dataclass(frozen=True, slots=True)
class Written:
    """The same in two forms."""

    text: str
    html: SafeString


def write(source: str, values: Mapping[str, str]) -> Written:
    """Return what a Markdown text says with these values, all on one line each; what has no value stays as it is."""
    tokens = _markdown.parse(source)
    for token in tokens:
        if token.tag == "h1":
            token.tag = "h2"  # the first is the mail's own
        elif token.tag in {"h4", "h5", "h6"}:
            token.tag = "h3"
        if token.nesting == 1:
            token.attrSet("dir", "auto")
        if token.children is not None:
            token.children = list(_filled(token.children, values))
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    safe = nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=_SCHEMES, attribute_filter=_absolute)
    return Written(_blocks(SyntaxTreeNode(tokens).children, "\n\n"), SafeString(safe.strip()))


def _absolute(_tag: str, name: str, value: str) -> str | None:
    """Return an attribute's value; None for a link that leads to another page of what is no page."""
    return value if name != "href" or _ADDRESS.match(value) else None


def write_line(source: str, values: Mapping[str, str]) -> str:
    """Return what a subject says with these values; of a subject no program makes a link."""
    return _filled_line(source, values).replace(_WORD_JOINER, "")


def _filled_line(source: str, values: Mapping[str, str]) -> str:
    return "".join(values.get(name, whole) for name, whole in _pieces(source))


def faults_of(source: str, known: Collection[str], at: str) -> list[Fault]:
    """Return what is wrong with a Markdown text: placeholders that are none of these, links that lead nowhere."""
    inline = [token for each in _markdown.parse(source) for token in each.children or ()]
    links = [str(token.attrGet("href")) for token in inline if token.type == "link_open"]
    wrong = [_bad_link(link, at) for link in links if link != _LINK_TO_OURS and not _leads_somewhere(link)]
    return _unknown_in(_ESCAPED.sub("", source), known, at) + wrong


def faults_of_line(source: str, known: Collection[str], at: str) -> list[Fault]:
    """Return what is wrong with a line of plain text."""
    if _CONTROL.search(source):
        return [Fault(at, "invalid", _("This is one line of text, without control characters."))]
    return _unknown_in(source, known, at)


# --- Placeholders ------------------------------------------------------------------------------------------------


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield a text piece by piece: a placeholder as its name and all of it, other text as nothing and itself."""
    end = 0
    for found in _PLACEHOLDER.finditer(text):
        yield "", text[end : found.start()]
        yield found[1], found[0]
        end = found.end()
    yield "", text[end:]


def _filled(tokens: Sequence[Token], values: Mapping[str, str]) -> Iterator[Token]:
    """Yield the tokens of a paragraph with values in the place of their placeholders."""
    depth = 0  # a link within a link is none
    for token in tokens:
        depth += token.nesting if token.type in {"link_open", "link_close"} else 0
        if token.type == "link_open" and token.attrGet("href") == _LINK_TO_OURS:
            token.attrSet("href", values.get(LINK, ""))
        if token.type == "code_inline":
            token.content = _filled_line(token.content, values)
        if token.type == "text_special":  # what stood behind a backslash
            token.type = "text"
        elif token.type == "text":
            yield from _filled_text(token.content, values, linked=depth > 0)
            continue
        yield token


def _filled_text(text: str, values: Mapping[str, str], *, linked: bool) -> Iterator[Token]:
    for name, whole in _pieces(text):
        if name == LINK and name in values and not linked:
            yield Token("link_open", "a", 1, attrs={"href": values[name]})
            yield Token("text", "", 0, content=values[name])
            yield Token("link_close", "a", -1)
        elif name in values:
            yield Token("value", "", 0, content=values[name])
        else:
            yield Token("text", "", 0, content=whole)


def _value(_renderer: object, tokens: Sequence[Token], index: int, *_more: object) -> str:
    return f"<bdi>{escape(tokens[index].content)}</bdi>"


_markdown.add_render_rule("value", _value)


def _unknown_in(source: str, known: Collection[str], at: str) -> list[Fault]:
    listed = ", ".join(f"{{{name}}}" for name in known)
    message = _("There is no placeholder %(name)s here. There are: %(known)s")
    named = dict.fromkeys(found[1] for found in _PLACEHOLDER.finditer(source))
    return [
        Fault(at, "unknown_placeholder", message % {"name": f"{{{name[:_LONGEST_SHOWN]}}}", "known": listed})
        for name in named
        if name not in known
    ]


def _leads_somewhere(link: str) -> bool:
    return "%7B" not in link.upper() and _ADDRESS.match(link) is not None


def _bad_link(link: str, at: str) -> Fault:
    message = _("A link in a mail leads to an address that begins with https:// or mailto:, or to {link}: %s")
    return Fault(at, "bad_link", message % link[:_LONGEST_SHOWN])


# --- As text -----------------------------------------------------------------------------------------------------


def _blocks(nodes: Sequence[SyntaxTreeNode], between: str) -> str:
    return between.join(_block(node) for node in nodes)


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "inline":
            return "".join(_span(child) for child in node.children)
        case "bullet_list":
            return "\n".join(_item("- ", item) for item in node.children)
        case "ordered_list":
            first = int(node.attrs.get("start", 1))
            return "\n".join(_item(f"{number}. ", item) for number, item in enumerate(node.children, first))
        case "blockquote":
            return "\n".join(f"> {line}".rstrip() for line in _blocks(node.children, "\n\n").splitlines())
        case "hr":
            return "* * *"
        case _:
            return _blocks(node.children, "\n\n")


def _item(mark: str, node: SyntaxTreeNode) -> str:
    lines = _blocks(node.children, "\n").splitlines() or [""]
    return "\n".join(f"{mark if not index else ' ' * len(mark)}{line}".rstrip() for index, line in enumerate(lines))


def _span(node: SyntaxTreeNode) -> str:
    if node.type in {"softbreak", "hardbreak"}:
        return "\n"
    if node.type != "link":
        return node.content if not node.children else "".join(_span(child) for child in node.children)
    label = "".join(_span(child) for child in node.children)
    address = str(node.attrs["href"])
    bare = address.removeprefix("mailto:")
    return bare if label in {"", address, bare} else f"{label} ({bare})"
