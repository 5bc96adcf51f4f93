"""Requests to Label Studio: the token, what is tried again, and what an error may say."""

import logging

import pytest

from medtext.errors import ConfigError, ServerError
from medtext.studio.client import Client

SECRET = "Maria Delgado"


@pytest.fixture
def client(label_studio):
    return Client(label_studio[0], pause=0.001)


def test_the_token_of_the_environment_is_sent_and_never_shown(label_studio, client):
    state = label_studio[1]
    list(client.pages("/api/projects", key="results"))
    assert state.asked[0][2] == "Token a-token"
    assert "a-token" not in repr(client)


def test_without_a_token_nothing_is_asked(label_studio, monkeypatch):
    monkeypatch.delenv("LABEL_STUDIO_API_KEY")
    with pytest.raises(ConfigError, match="LABEL_STUDIO_API_KEY"):
        Client(label_studio[0])


def test_a_personal_token_is_exchanged_and_exchanged_again_when_it_has_run_out(label_studio):
    address, state = label_studio
    client = Client(address, token="a.b.c")
    state.failures = [(200, {}, b'{"access": "one"}'), (200, {}, b"[]"), (401, {}, b"{}")]
    state.failures += [(200, {}, b'{"access": "two"}'), (200, {}, b'["there"]')]
    assert client.get("/api/x") == []
    assert client.get("/api/x") == ["there"]
    sent = [who for _, path, who in state.asked]
    assert sent == [None, "Bearer one", "Bearer one", None, "Bearer two"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_failures_that_pass_are_tried_again(label_studio, client, status, caplog):
    state = label_studio[1]
    state.failures = [(status, {}, SECRET.encode())] * 2
    with caplog.at_level(logging.WARNING):
        assert list(client.pages("/api/projects", key="results")) == []
    assert len(state.asked) == 3
    assert SECRET not in caplog.text


def test_the_server_says_how_long_to_wait(label_studio, client, monkeypatch):
    slept = []
    monkeypatch.setattr("medtext.studio.client.time.sleep", slept.append)
    label_studio[1].failures = [(429, {"Retry-After": "7"}, b""), (429, {"Retry-After": "999"}, b"")]
    list(client.pages("/api/projects", key="results"))
    assert slept == [7.0, 30.0]


def test_after_the_last_attempt_the_failure_is_an_error(label_studio):
    client = Client(label_studio[0], attempts=2, pause=0.001)
    label_studio[1].failures = [(503, {}, b"")] * 9
    with pytest.raises(ServerError, match="503"):
        client.get("/api/projects")
    assert len(label_studio[1].asked) == 2


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ((401, {}, b""), "does not accept the token"),
        ((403, {}, b""), "may not do this"),
        ((404, {}, b""), "the address of Label Studio"),
        ((302, {"Location": "https://elsewhere.example.org/login?next=secret"}, b""), "https://elsewhere.example.org"),
        ((200, {}, b"<html>"), "something else than JSON"),
        ((400, {}, b'{"validation_errors": {"data": ["Maria Delgado"], "Maria Delgado": 1}}'), "complains of: data"),
    ],
)
def test_a_refusal_says_what_to_do_and_quotes_nothing(label_studio, client, failure, told):
    label_studio[1].failures = [failure]
    with pytest.raises(ServerError, match=told) as caught:
        client.get("/api/x")
    assert "Maria" not in str(caught.value)
    assert "a-token" not in str(caught.value)
    assert len(label_studio[1].asked) == 1


def test_a_server_that_is_not_there_is_not_asked_for_long(monkeypatch):
    with pytest.raises(ServerError, match="No answer"):
        Client("http://127.0.0.1:9", token="t").get("/api/x")


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://x", "", "https://", "https://me:secret@host"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ConfigError) as caught:
        Client(url, token="t")
    assert "secret" not in str(caught.value)


def test_notes_that_would_travel_unencrypted_are_warned_of(caplog):
    Client("http://127.0.0.1:8080", token="t")
    assert not caplog.records
    Client("http://label.example.org", token="t")
    assert "unencrypted" in caplog.text
