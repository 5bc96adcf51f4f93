"""Label Studio, our own server and a browser, started once and stopped at the end, whatever happens."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from medtext.studio.client import Client
from tests.ui.label_studio import TOKEN, free_port, start, start_label_studio
from tests.ui.page import Page

SERVER_TOKEN, CODES_TOKEN = "a-token-of-the-tests", "a-token-for-codes"


@pytest.fixture(scope="session")
def environment() -> Path:
    """The environment in which Label Studio is installed; `make test-ui` makes it and names it."""
    told = os.environ.get("MEDTEXT_STUDIO")
    if not told:
        pytest.skip("needs a real Label Studio: run make test-ui")
    path = Path(told).absolute()
    if not (path / "bin" / "label-studio").exists():
        pytest.skip(f"Label Studio could not be installed in {told}")
    return path


@pytest.fixture(scope="session")
def browser(environment):
    """A headless Chromium."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = os.environ.get("MEDTEXT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium is here (set MEDTEXT_CHROMIUM to its program)")
    with driver.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def studio(environment, tmp_path_factory):
    """The address of a Label Studio of our own."""
    server = start_label_studio(environment, tmp_path_factory.mktemp("label_studio"))
    os.environ["LABEL_STUDIO_API_KEY"] = TOKEN
    yield server.url
    server.stop()
    del os.environ["LABEL_STUDIO_API_KEY"]


@pytest.fixture(scope="session")
def client(studio):
    return Client(studio)


@pytest.fixture
def page(browser, studio):
    """A browser in which somebody is signed in."""
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    context.set_default_timeout(30_000)
    page = Page(context.new_page(), studio)
    page.sign_in()
    yield page
    context.close()


@pytest.fixture(scope="session")
def served(environment, tmp_path_factory):
    """(address, file of events) of `medtext serve`, running with a token."""
    folder, port = tmp_path_factory.mktemp("medtext"), free_port()
    command = [sys.executable, "-m", "medtext", "serve", "--port", str(port), "--events", "events.jsonl"]
    settings = {"MEDTEXT_SERVER_TOKEN": SERVER_TOKEN, "MEDTEXT_CODES_TOKEN": CODES_TOKEN}
    server = start(command, port=port, folder=folder, path="/health", settings=settings, seconds=60)
    yield server.url, folder / "events.jsonl"
    server.stop()


@pytest.fixture
def shots(tmp_path) -> Path:
    """Where pictures of the page go: MEDTEXT_SHOTS, or nowhere that lasts."""
    folder = Path(os.environ.get("MEDTEXT_SHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
