"""The renderer of front ends' configurations."""

import pytest

from polydoor.frontend.template import TemplateError, render

FACTS = {"yes": True, "no": False, "name": "shop", "empty": "", "items": [{"url": "/a/"}, {"url": "/b/"}]}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("a {{name}} b {{name}}", "a shop b shop\n"),
        ("{ {name} %{name} }", "{ {name} %{name} }\n"),
        ("% if yes\na\n% end\nb", "a\nb\n"),
        ("% if no\na\n% else\nb\n% end", "b\n"),
        ("% if no\na\n% elif yes\nb\n% elif yes\nc\n% else\nd\n% end", "b\n"),
        ("% if yes and not no\na\n% end", "a\n"),
        ("% if yes and no\na\n% end\nb", "b\n"),
        ("% if empty\na\n% else\nb\n% end", "b\n"),
        ("  % if yes\n  % if no\n  a\n  % else\n  b\n  % end\n  % end", "  b\n"),
        ("% if no\n% if yes\na\n% else\nb\n% end\n% else\nc\n% end", "c\n"),
        ("% for items\n{{name}}{{url}}\n% end", "shop/a/\nshop/b/\n"),
        ("% for items\n% if name\n{{url}}\n% end\n% end", "/a/\n/b/\n"),
        ("\n\na\n\n\n\nb\n\n", "a\n\nb\n"),
        ("a\n\n% if no\nb\n% end\n\nc", "a\n\nc\n"),
    ],
)
def test_what_a_template_becomes(template, text):
    assert render(template, FACTS) == text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{unknown}}", "no fact 'unknown'"),
        ("% if unknown\n% end", "no fact 'unknown'"),
        ("a\n{{name", "line 2"),
        ("a\n{{items}}", "line 2"),
        ("% for name\n% end", "no list"),
        ("a\n% if yes\nb", "line 2: there is no end"),
        ("a\n% end", "line 2: 'end' has no place"),
        ("% if yes\na\n{{b\n% end", "line 3"),
        ("% frobnicate", "'frobnicate' has no place"),
    ],
)
def test_a_wrong_template_is_told_with_its_line(template, said):
    with pytest.raises(TemplateError, match=said):
        render(template, FACTS)
