"""Names and patterns of tools, as an operator writes them."""

import time

import pytest

from mcp_gateway.patterns import UnusablePattern, parse_pattern

pytestmark = pytest.mark.requirement("PO-02", "PO-06")


@pytest.mark.parametrize("name", ["search", "get-page", "admin.tools.list", "ns/tool", "two words", "caf\u00e9", "a,b"])
def test_what_has_no_wildcard_is_a_name(name: str) -> None:
    assert parse_pattern(name) is None


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("get_*", "get_page", True),
        ("get_*", "get_", True),
        ("get_*", "forget_page", False),
        ("get_*", "Get_page", False),
        ("*", "", True),
        ("*_page", "get_page", True),
        ("*_page", "get_page_2", False),
        ("a*b*c", "a-b-b-c", True),
        ("a?c", "abc", True),
        ("a?c", "a\u00e9c", True),
        ("a?c", "abbc", False),
        ("a.c*", "abc", False),
        ("a-[x]", "a-x", None),
        ("/get_(page|space)/", "get_space", True),
        ("/get_(page|space)/", "get_spaces", False),
        ("/page/", "get_page", False),
        ("/.*page.*/", "get_page_2", True),
        ("/a.b/", "a\nb", True),
        ("/(?i)get_.*/", "GET_page", True),
        ("/[a-z]+/", "abc", True),
    ],
)
def test_a_pattern_is_compared_with_the_whole_name(pattern: str, name: str, matches: bool | None) -> None:
    if matches is None:
        with pytest.raises(UnusablePattern):
            parse_pattern(pattern)
        return
    parsed = parse_pattern(pattern)
    assert parsed is not None
    assert parsed.matches(name) is matches


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "neither a name"),
        ("get_(page|space)", "between slashes"),
        ("^get_", "between slashes"),
        ("get_[a-z]", "between slashes"),
        ("get_.+", "between slashes"),
        ("{a,b}", "between slashes"),
        ("/get_.*", "begins with a slash"),
        ("/", "begins with a slash"),
        ("//", "begins with a slash"),
        ("/get_(/", "missing )"),
        ("/*/", "no argument for repetition"),
        ("/(?=a)/", "no look-around"),
        (r"/(a)\1/", "no references"),
        ("/a{2000}/", "invalid repetition size"),
    ],
)
def test_what_is_no_pattern_is_refused_in_words_that_do_not_repeat_it(pattern: str, words: str) -> None:
    with pytest.raises(UnusablePattern) as refused:
        parse_pattern(pattern)
    assert words in str(refused.value)
    assert len(pattern) < 4 or pattern not in str(refused.value)


@pytest.mark.requirement("OP-05")
@pytest.mark.parametrize("pattern", ["/(a+)+b/", "/(a|a)*b/", "/(a|aa)+b/", "*a*a*a*a*a*a*a*b", "/([a-z]+_?)+!/"])
def test_no_name_makes_a_pattern_think_for_long(pattern: str) -> None:
    parsed = parse_pattern(pattern)
    assert parsed is not None
    before = time.process_time()
    assert not parsed.matches("a" * 100_000)
    # Python's own expressions would not come back from this within a lifetime.
    assert time.process_time() - before < 5
