"""One run of headless Chromium through the Django site, directly over HTTP."""

from __future__ import annotations

import shutil

import pytest

from interop.site import PASSWORD, USER, prepare, serve

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
    driver = shutil.which("chromedriver") or "/usr/bin/chromedriver"
    opened = webdriver.Chrome(options, Service(driver))
    yield opened
    opened.quit()


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
