"""What a booking is found by: laws of words and of what people type."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.values import is_found, parse_search, search_words, words_of

NAMES = st.text(min_size=1, max_size=40)
PHONES = st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True)


def found(asked: str, *texts: str, phone: str | None = None) -> bool:
    return is_found(parse_search(asked), search_words(texts, phone))


@given(NAMES, st.data())
def test_every_beginning_of_every_word_finds(name: str, data: st.DataObject) -> None:
    for word in words_of(name):
        assert found(word[: data.draw(st.integers(1, len(word)))], name)


@given(NAMES, NAMES)
def test_a_text_is_found_by_itself_in_any_order_beside_anything(name: str, other: str) -> None:
    if words := words_of(name):
        assert found(name, other, name)
        assert found(" ".join(reversed(words)), name, other)


@given(NAMES)
def test_case_accents_and_compatibility_signs_do_not_matter(name: str) -> None:
    for spelled in (
        name.upper(),
        name.lower(),
        unicodedata.normalize("NFC", name),
        unicodedata.normalize("NFKD", name),
    ):
        if (
            name.isascii()
            or unicodedata.normalize("NFKD", spelled).casefold() == unicodedata.normalize("NFKD", name).casefold()
        ):
            assert words_of(spelled) == words_of(name)


@given(NAMES)
def test_words_are_their_own_words(name: str) -> None:
    for word in words_of(name):
        assert words_of(word) == [word]
        assert word.isalnum()


@given(PHONES, st.integers(4, 15))
def test_a_phone_is_found_by_its_last_digits_and_its_first(phone: str, many: int) -> None:
    end = phone[-min(many, len(phone) - 1) :]
    if len(end.lstrip("0")) >= 4:
        assert found(end, phone=phone)
        assert found(f"0{end[:2]} {end[2:]}", phone=phone)
    assert found(phone[: 1 + many], phone=phone)


@given(PHONES)
def test_the_middle_of_a_phone_is_not_its_end(phone: str) -> None:
    middle = phone[2:-1]
    if not phone[1:].endswith(middle.lstrip("0")) and not phone[1:].startswith(middle):
        assert not found(middle, phone=phone)


@pytest.mark.parametrize(
    ("asked", "finds"),
    [
        ("nunez", True),
        ("JOSÉ nún", True),
        ("web-1042", True),
        ("104", True),
        ("mail.example", True),
        ("josé brand", False),
        ("unez", False),
        ("42", False),
        ("5678", True),
        ("0812-3456 5678", True),
        ("", False),
        ("_%", False),
        ("<", False),
    ],
)
def test_what_people_type(asked: str, finds: bool) -> None:
    about = ("WEB-1042", "José Núñez", "jn@mail.example.org", "0812 3456 5678")
    assert found(asked, *about, phone="+6281234565678") is finds


def test_words_are_bounded() -> None:
    assert words_of("\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 191 + "x" * 191) != []
    assert max(map(len, words_of("x" * 500 + " \N{ARABIC LIGATURE BISMILLAH AR-RAHMAN AR-RAHEEM}" * 20))) == 64
