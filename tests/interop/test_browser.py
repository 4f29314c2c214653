"""One run of headless Chromium through the Django site, directly over HTTP."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil

import pytest

from interop.site import PASSWORD, USER, prepare, serve
from support.waiting import eventually

SIZE = 3_000_000  # more than the server keeps in memory
UPLOAD_FORM = (
    'document.body.innerHTML = \'<form action="/upload/" method="post" enctype="multipart/form-data">'
    '<input type="file" name="file" id="file"><button id="send">Send</button></form>\''
)

pytestmark = [pytest.mark.frontend("chromium"), pytest.mark.timeout(180)]


@pytest.fixture
def browser(tmp_path):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path}/profile")
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path / "downloads")})
    driver = shutil.which("chromedriver") or "/usr/bin/chromedriver"
    # Whatever it keeps outside its profile is kept there, too.
    opened = webdriver.Chrome(options, Service(driver, env=os.environ | {"HOME": str(tmp_path)}))
    yield opened
    opened.quit()


def check_files(browser, base, tmp_path):
    """A file goes up through a form and comes down again; both ways its hash is the same."""
    from selenium.webdriver.common.by import By

    content = random.Random(SIZE).randbytes(SIZE)
    digest = hashlib.sha256(content).hexdigest()
    (tmp_path / "picture.bin").write_bytes(content)
    browser.get(f"{base}/")
    browser.execute_script(UPLOAD_FORM)
    browser.find_element(By.ID, "file").send_keys(str(tmp_path / "picture.bin"))
    browser.find_element(By.ID, "send").click()
    assert eventually(lambda: browser.current_url == f"{base}/upload/")
    assert json.loads(browser.find_element(By.TAG_NAME, "body").text) == {"size": SIZE, "sha256": digest}
    browser.get(f"{base}/download/picture.bin")  # an attachment: the browser gives it this name when it is whole
    fetched = tmp_path / "downloads" / "picture.bin"
    assert eventually(fetched.exists)
    assert hashlib.sha256(fetched.read_bytes()).hexdigest() == digest


def test_a_visit(browser, tmp_path, key):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    wait = WebDriverWait(browser, 30)
    prepare(tmp_path / "site")
    with serve(tmp_path / "site", ["http://127.0.0.1:0"]) as server:
        host, port = server.doors[0].address
        base = f"http://{host}:{port}"
        browser.get(f"{base}/")
        heading = browser.find_element(By.TAG_NAME, "h1")
        assert heading.value_of_css_property("color") in ("rgb(1, 2, 3)", "rgba(1, 2, 3, 1)")
        browser.find_element(By.ID, "text").send_keys(f"from Chromium {key}")
        browser.find_element(By.ID, "send").click()
        wait.until(lambda driver: driver.find_elements(By.CLASS_NAME, "note"))
        notes = [element.text for element in browser.find_elements(By.CLASS_NAME, "note")]
        assert notes == [f"from Chromium {key}"]

        browser.get(f"{base}/admin/")
        browser.find_element(By.NAME, "username").send_keys(USER)
        browser.find_element(By.NAME, "password").send_keys(PASSWORD)
        browser.find_element(By.CSS_SELECTOR, "[type=submit]").click()
        wait.until(lambda driver: "Site administration" in driver.title)
        browser.get(f"{base}/stream/")
        assert "line 999" in browser.find_element(By.TAG_NAME, "body").text
        check_files(browser, base, tmp_path)
