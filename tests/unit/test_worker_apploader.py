"""Finding the application, and the messages when it is not there."""

import sys
import uuid

import pytest

from polydoor import codes
from polydoor.errors import AppLoadError, AppNotFoundError
from polydoor.worker.apploader import load_app


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Write a module of a fresh name into a fresh current folder; return a function that does so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    known = set(sys.modules)

    def write(text, name=None):
        name = name or f"shop_{uuid.uuid4().hex[:8]}"
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        return name

    yield write
    for name in set(sys.modules) - known:
        del sys.modules[name]


APP = "def {name}(environ, start_response):\n    return []\n"


def test_application_goes_before_app(shop):
    name = shop(APP.format(name="app") + APP.format(name="application"))
    loaded = load_app(name)
    assert loaded.name == f"{name}:application"
    assert loaded.app.__name__ == "application"


def test_app_is_the_second_default(shop):
    name = shop(APP.format(name="app"))
    assert load_app(name).name == f"{name}:app"


def test_attribute_of_an_attribute(shop):
    name = shop("class site:\n    @staticmethod\n    def wsgi(e, s): return []\n")
    assert load_app(f"{name}:site.wsgi").app.__name__ == "wsgi"


def test_factory_is_called_once(shop):
    name = shop("calls = []\ndef make():\n    calls.append(1)\n    return lambda e, s: []\n")
    loaded = load_app(f"{name}:make()")
    assert callable(loaded.app)
    assert loaded.name == f"{name}:make()"
    assert sys.modules[name].calls == [1]


def test_current_folder_is_on_the_path_once(shop, tmp_path):
    load_app(shop(APP.format(name="app")))
    load_app(shop(APP.format(name="app")))
    assert sys.path[0] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1


def test_file_is_loaded_by_its_path(shop, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "my-shop.py").write_text(APP.format(name="app"), encoding="utf-8")
    loaded = load_app("site/my-shop.py")
    assert loaded.name == "site/my-shop.py:app"
    assert loaded.app.__code__.co_filename == str(tmp_path / "site" / "my-shop.py")
    assert load_app("site/my-shop.py:app").app.__name__ == "app"


def test_package_module(shop, tmp_path):
    package = tmp_path / f"pkg_{uuid.uuid4().hex[:8]}"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "wsgi.py").write_text(APP.format(name="application"), encoding="utf-8")
    assert load_app(f"{package.name}.wsgi").app.__name__ == "application"


def test_missing_module_names_a_near_one(shop, tmp_path):
    shop(APP.format(name="app"), "bookshop")
    with pytest.raises(AppLoadError) as caught:
        load_app("bookshp:app")
    assert str(caught.value) == (
        f"there is no module bookshp\nLooked in {tmp_path} (the current folder) and the rest of Python's path.\n"
        "Did you mean bookshop?"
    )
    assert caught.value.exit_code == 3


def test_missing_submodule_says_of_what(shop):
    with pytest.raises(AppLoadError, match="there is no module email.nothing"):
        load_app("email.nothing:app")


@pytest.mark.parametrize("text", ["", ":app", "shop:", "a-b:app", "1shop:app", "shop..x:app"])
def test_malformed_name(shop, text):
    with pytest.raises(AppLoadError, match=r"[Ww]rite .*attr"):
        load_app(text)


def test_import_that_fails_shows_the_applications_own_frames(shop):
    name = shop("def deep():\n    return 1 / 0\n\ndeep()\n")
    with pytest.raises(AppLoadError) as caught:
        load_app(name)
    text = str(caught.value)
    assert text.startswith(f"the import of {name} failed at {name}.py:2\nTraceback (most recent call last):\n")
    assert text.endswith("ZeroDivisionError: division by zero")
    assert "apploader" not in text
    assert "importlib" not in text
    assert f'{name}.py", line 4' in text
    assert caught.value.exit_code == 3


def test_import_of_something_else_inside_is_not_taken_for_a_missing_app(shop):
    name = shop("import nothing_of_this_name\n")
    with pytest.raises(AppLoadError, match=f"the import of {name} failed") as caught:
        load_app(name)
    assert "nothing_of_this_name" in str(caught.value)


def test_syntax_error_shows_the_line(shop):
    name = shop("def app(:\n")
    with pytest.raises(AppLoadError, match=f'{name}.py", line 1'):
        load_app(name)


def test_module_that_exits_is_a_failed_import(shop):
    with pytest.raises(AppLoadError, match="SystemExit: 7"):
        load_app(shop("raise SystemExit(7)\n"))


def test_file_that_fails_is_not_left_in_sys_modules(shop):
    name = shop("raise RuntimeError('no')\n")
    with pytest.raises(AppLoadError, match="RuntimeError: no"):
        load_app(f"{name}.py")
    assert name not in sys.modules


def test_missing_file_names_a_near_one(shop, tmp_path):
    shop(APP.format(name="app"), "bookshop")
    with pytest.raises(AppLoadError, match="there is no file bookshp.py\nLooked for .*\nDid you mean bookshop.py"):
        load_app("bookshp.py")


def test_missing_attribute_names_a_near_one(shop):
    name = shop(APP.format(name="application"))
    with pytest.raises(AppNotFoundError, match="has no attribute aplication\nDid you mean application") as caught:
        load_app(f"{name}:aplication")
    assert caught.value.exit_code == 4


def test_no_default_attribute_lists_what_is_defined(shop):
    name = shop("import os\nfrom json import loads\n_hidden = 1\n" + APP.format(name="serve"))
    with pytest.raises(AppNotFoundError) as caught:
        load_app(name)
    assert str(caught.value) == f"{name} has neither application nor app\nIt defines serve."


def test_not_callable_says_what_it_is(shop):
    with pytest.raises(AppNotFoundError, match=":app is a dict, not an application"):
        load_app(shop("app = {}\n"))


def test_factory_that_fails(shop):
    name = shop("def make():\n    raise KeyError('setting')\n")
    with pytest.raises(AppLoadError, match=r"make\(\) failed at .*:2\nTraceback") as caught:
        load_app(f"{name}:make()")
    assert "KeyError: 'setting'" in str(caught.value)


@pytest.mark.parametrize("text", ["import nul_prices\n", "import sys, nul_prices\n", "from nul_prices import APPLE\n"])
def test_a_nul_byte_is_told_with_the_file_that_holds_it(shop, text):
    shop("APPLE = 3\0\n", "nul_prices")
    name = shop(text)
    with pytest.raises(AppLoadError, match=rf"^the import of {name} failed: nul_prices\.py is not valid Python\n"):
        load_app(name)


@pytest.mark.parametrize("ending", ["", ".py"])
def test_a_nul_byte_in_the_application_itself(shop, ending):
    name = shop("APPLE = 3\0\n")
    told = rf"^the import of {name}{ending} failed: {name}\.py is not valid Python\n"
    with pytest.raises(AppLoadError, match=told):
        load_app(name + ending)


def test_a_nul_byte_behind_a_relative_import(shop, tmp_path):
    (tmp_path / "nul_shop").mkdir()
    (tmp_path / "nul_shop" / "__init__.py").write_text("from .goods import APPLE\n", encoding="utf-8")
    (tmp_path / "nul_shop" / "goods.py").write_text("APPLE = 3\0\n", encoding="utf-8")
    with pytest.raises(
        AppLoadError, match=r"^the import of nul_shop failed: a file that it imports is not valid Python"
    ):
        load_app("nul_shop")


@pytest.mark.parametrize("text", ["ok:", ":app", ".ok", "ok.", "o-k", "a..b:app", ":"])
def test_what_is_no_name_is_always_the_same_error(shop, text):
    with pytest.raises(AppNotFoundError) as caught:
        load_app(text)
    assert (caught.value.code, caught.value.exit_code) == (codes.BAD_APP_NAME, 4)


@pytest.mark.parametrize("raised", ["BaseException('no')", "GeneratorExit", "SystemExit(3)"])
def test_a_factory_may_raise_anything(shop, raised):
    name = shop(f"def make():\n    raise {raised}\n")
    with pytest.raises(AppLoadError, match=rf"^{name}:make\(\) failed at {name}\.py:2\n"):
        load_app(f"{name}:make()")


def test_a_file_that_deletes_its_own_entry_may_fail(shop):
    name = shop("import sys\ndel sys.modules[__name__]\n1 / 0\n")
    with pytest.raises(AppLoadError, match="ZeroDivisionError"):
        load_app(f"{name}.py")


def test_what_is_neither_a_file_nor_a_folder(shop):
    with pytest.raises(AppLoadError, match=r"^/dev/null is not a file that holds Python$"):
        load_app("/dev/null")
