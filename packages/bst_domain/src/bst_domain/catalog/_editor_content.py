"""The content document: as an editor sends it, checked; and as it is stored, read with good will.

Source of the rules: predecessor, "catalog editor", content parts and codes. Texts that are longer than the table says are
refused, not cut; line breaks of descriptions and answers stay. A step's variant is a text, as callers write it: it is not looked
up.
"""

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from bst_domain.catalog._editor import Content, Faq, ItineraryStep, Slide
from bst_domain.catalog._editor_texts import Flawed, Notes, line_of, lines_of, strings_of

MAX_URL = 2048
MAX_LINE = 255
MAX_LINES = 2000
MAX_TIME = 32
MAX_VARIANT = 64
MAX_ENTRY = 500

_CODE = "CATALOG_ITEM_CONTENT_"
#: Member of the document -> attribute, for the parts that are lists of texts.
_LISTS: Mapping[str, tuple[str, str]] = {
    "highlights": ("highlights", "HIGHLIGHTS"),
    "inclusions": ("inclusions", "INCLUSIONS"),
    "exclusions": ("exclusions", "EXCLUSIONS"),
    "additionalInfo": ("additional_info", "ADDITIONAL_INFO"),
    "optionalFeatures": ("optional_features", "OPTIONAL_FEATURES"),
}


def read_content(body: Mapping[str, Any]) -> Content | Flawed:
    """The ``content`` member of a body, in the order in which it was sent. See ``ordered``."""
    notes = Notes()
    given = body.get("content")
    if not isinstance(given, dict):
        notes.wrong("content", f"{_CODE}INVALID", "must be an object")
        return Flawed(tuple(notes.flaws))
    content = _content(notes, given)
    return notes.result() or content


def stored_content(document: object) -> Content:
    """A stored document in its order; empty where there is none. What cannot be read is left out: older systems wrote, too."""
    return ordered(_content(Notes(), document if isinstance(document, dict) else {}))


def ordered(content: Content) -> Content:
    """Slides by their order, the first flagged one (else the first) alone the cover; steps by day and order."""
    slides = sorted(content.slides, key=lambda slide: slide.sort_order)
    cover = next((at for at, slide in enumerate(slides) if slide.is_cover), 0)
    return evolve(
        content,
        slides=tuple(evolve(slide, is_cover=at == cover) for at, slide in enumerate(slides)),
        itinerary=tuple(sorted(content.itinerary, key=lambda step: (step.day, step.sort_order))),
    )


def _content(notes: Notes, given: Mapping[str, Any]) -> Content:
    def parts(name: str, code: str) -> list[tuple[int, str, Mapping[str, Any]]]:
        entries = notes.objects(f"content.{name}", given.get(name), f"{_CODE}{code}_INVALID")
        return [(at, path, entry) for at, (path, entry) in enumerate(entries)]

    slides = [_slide(notes, *part) for part in parts("slides", "SLIDES")]
    steps = [_step(notes, *part) for part in parts("itinerary", "ITINERARY")]
    texts = {attribute: _strings(notes, name, given.get(name), code) for name, (attribute, code) in _LISTS.items()}
    faqs = [_faq(notes, path, entry) for _, path, entry in parts("faqs", "FAQS")]
    return Content(
        slides=tuple(slide for slide in slides if slide is not None),
        itinerary=tuple(step for step in steps if step is not None),
        faqs=tuple(faq for faq in faqs if faq is not None),
        **texts,
    )


def _slide(notes: Notes, at: int, path: str, given: Mapping[str, Any]) -> Slide | None:
    url = given.get("url")
    if url is None or (isinstance(url, str) and not url.strip()):
        notes.wrong(f"{path}.url", f"{_CODE}SLIDE_URL_REQUIRED", "must not be empty")
    elif not isinstance(url, str) or len(url.strip()) > MAX_URL:
        notes.wrong(f"{path}.url", f"{_CODE}SLIDE_URL_INVALID", f"must be a text of at most {MAX_URL} characters")
    alt_text = _text(notes, f"{path}.altText", given.get("altText"), "SLIDE_ALT_TEXT", MAX_LINE)
    sort_order = _number(notes, f"{path}.sortOrder", given.get("sortOrder"), "SLIDE_SORT_ORDER", at + 1, least=0)
    if not isinstance(url, str) or not url.strip():
        return None
    return Slide(url=url.strip(), alt_text=alt_text, is_cover=given.get("isCover") is True, sort_order=sort_order)


def _step(notes: Notes, at: int, path: str, given: Mapping[str, Any]) -> ItineraryStep | None:
    if given.get("title") is None or (isinstance(given["title"], str) and not given["title"].strip()):
        notes.wrong(f"{path}.title", f"{_CODE}ITINERARY_TITLE_REQUIRED", "must not be empty")
    title = _text(notes, f"{path}.title", given.get("title"), "ITINERARY_TITLE", MAX_LINE)
    variant = _text(notes, f"{path}.variantId", given.get("variantId"), "ITINERARY_VARIANT", MAX_VARIANT)
    day = _number(notes, f"{path}.day", given.get("day"), "ITINERARY_DAY", 1, least=1)
    sort_order = _number(notes, f"{path}.sortOrder", given.get("sortOrder"), "ITINERARY_SORT_ORDER", at + 1, least=0)
    description = _text(
        notes, f"{path}.description", given.get("description"), "ITINERARY_DESCRIPTION", MAX_LINES, lines=True
    )
    location = _text(notes, f"{path}.location", given.get("location"), "ITINERARY_LOCATION", MAX_LINE)
    start_time = _text(notes, f"{path}.startTime", given.get("startTime"), "ITINERARY_START_TIME", MAX_TIME)
    end_time = _text(notes, f"{path}.endTime", given.get("endTime"), "ITINERARY_END_TIME", MAX_TIME)
    if title is None:
        return None
    return ItineraryStep(
        title=title,
        variant=variant,
        day=day,
        sort_order=sort_order,
        description=description,
        location=location,
        start_time=start_time,
        end_time=end_time,
    )


def _faq(notes: Notes, path: str, given: Mapping[str, Any]) -> Faq | None:
    before = len(notes.flaws)
    question = _text(notes, f"{path}.question", given.get("question"), "FAQ_QUESTION", MAX_LINE)
    answer = _text(notes, f"{path}.answer", given.get("answer"), "FAQ_ANSWER", MAX_LINES, lines=True)
    if len(notes.flaws) == before and (question is None or answer is None):
        notes.wrong(path, f"{_CODE}FAQ_REQUIRED", "must have a question and an answer")
    return None if question is None or answer is None else Faq(question=question, answer=answer)


def _strings(notes: Notes, name: str, given: object, code: str) -> tuple[str, ...]:
    if given is None:
        return ()
    entries = given if isinstance(given, list) else []
    texts = [entry for entry in entries if isinstance(entry, str)]
    if not isinstance(given, list) or len(texts) < len(entries):
        notes.wrong(f"content.{name}", f"{_CODE}{code}_INVALID", "must be a list of texts")
    return strings_of(texts, MAX_ENTRY)


def _text(notes: Notes, path: str, value: object, code: str, length: int, *, lines: bool = False) -> str | None:
    """A text that may be absent; blank counts as that. One that is too long is noted, and given all the same."""
    if value is None:
        return None
    given = value if isinstance(value, str) else ""
    text = lines_of(given) if lines else line_of(given, len(given))
    if not isinstance(value, str) or len(text) > length:
        notes.wrong(path, f"{_CODE}{code}_INVALID", f"must be a text of at most {length} characters")
    return text or None


def _number(notes: Notes, path: str, value: object, code: str, default: int, *, least: int) -> int:
    return default if value is None else notes.whole(path, value, f"{_CODE}{code}_INVALID", least=least)
