"""Laws of content that is moved in: what nobody has changed here follows its source, everything else stays."""

from hypothesis import given
from hypothesis import strategies as st

from bst_domain.catalog import Content, Faq, content_json, stored_content
from bst_domain.migration import content_marks, merged_content

texts = st.lists(st.sampled_from(["Sunrise", "Lunch", "Tips"]), max_size=2, unique=True).map(tuple)
contents = st.builds(
    Content,
    highlights=texts,
    inclusions=texts,
    exclusions=texts,
    faqs=st.sampled_from([(), (Faq(question="When?", answer="At dawn"),)]),
)
from_the_shop = contents.map(lambda content: stored_content({**content_json(content), "faqs": []}))


@given(from_the_shop, from_the_shop)
def test_untouched_content_follows_its_source(before: Content, now: Content) -> None:
    first = merged_content(None, None, before)
    assert first == before
    assert merged_content(first, content_marks(before), now) == now


@given(from_the_shop, contents, from_the_shop)
def test_a_part_that_an_editor_changed_stays(before: Content, edited: Content, now: Content) -> None:
    after = content_json(merged_content(edited, content_marks(before), now))
    for part, said in content_json(edited).items():
        changed = said != content_json(before)[part]
        if part == "faqs" or changed:
            assert after[part] == said
        else:
            assert after[part] == content_json(now)[part]


@given(contents, from_the_shop)
def test_content_from_before_the_bridge_is_only_added_to(here: Content, now: Content) -> None:
    after = content_json(merged_content(here, None, now))
    for part, said in content_json(here).items():
        assert after[part] == (said or content_json(now)[part])


@given(from_the_shop, contents, from_the_shop)
def test_the_same_source_again_changes_nothing(before: Content, edited: Content, now: Content) -> None:
    once = merged_content(edited, content_marks(before), now)
    assert merged_content(once, content_marks(now), now) == once
